import { fireEvent, render, waitFor } from "@testing-library/svelte";
import { expect, it } from "vitest";

import { activityEntry } from "../../backend/fake";
import type { ActivityEntry } from "../../backend/types";
import { formatDateTime } from "../../format/time";
import { fakeState } from "../../state/fakeState";
import { en } from "../../words/en";
import PastRequest from "./PastRequest.svelte";

function renderPast(overrides: Partial<ActivityEntry> = {}) {
  const { appState, backend } = fakeState();
  return { ...render(PastRequest, { appState, entry: activityEntry("ch_1", overrides) }), appState, backend };
}

it("shows first what, how much, when and how it ended; every line that was on the screen is behind a fold", () => {
  const { getByRole, getByText, getAllByRole, container } = renderPast();
  const first = [...container.querySelectorAll("main > :not(details, button)")]
    .map((part) => part.textContent)
    .join(" ");
  for (const looked of ["Acme Coffee", "€\u00a080.00", en.ending.approved]) expect(first).toContain(looked);
  const fold = container.querySelector("details");
  expect(fold?.open).toBe(false);
  if (fold) fold.open = true;
  expect(document.activeElement).toBe(getByRole("heading", { level: 1, name: "Acme Coffee" }));
  expect(getByText(en.ending.approved)).toBeTruthy();
  expect(getByText(`id.acme.example · ${formatDateTime(1_790_000_000, "en")}`)).toBeTruthy();
  expect(getByText("Reference K7Q2-9FDM")).toBeTruthy();
  expect(fold?.querySelector("summary")?.textContent).toBe(en.activity.shown);
  expect(getAllByRole("term").map((term) => term.textContent)).toEqual(
    activityEntry("ch_1").lines?.map(({ label }) => label),
  );
  expect(getAllByRole("definition").map((value) => value.textContent)).toContain("€\u00a080.00");
});

it("shows a section as a heading without a value, and a date in the person’s language", () => {
  const { getAllByRole } = renderPast({
    lines: [
      { role: "section", from: "device", label: "Second payment", prominence: 1, type: "section", value: "ignored" },
      { role: "detail", from: "device", label: "Due", prominence: 1, type: "date", value: "2026-12-31" },
    ],
  });
  expect(getAllByRole("definition").map((value) => value.textContent)).toEqual(["", "December 31, 2026"]);
});

it("says that nothing of the screen was kept where this device did not answer", () => {
  const { getByText, container } = renderPast({ lines: null, decision: null, outcome: "expired" });
  expect(getByText(en.activity.notShown)).toBeTruthy();
  expect(container.querySelector("details")).toBeNull();
});

it("offers neither dispute nor evidence where there is none", () => {
  const { queryByRole, getByRole } = renderPast({
    can_dispute: false,
    has_evidence: false,
    client_name: null,
    stage: "refused",
  });
  expect(getByRole("heading", { level: 1, name: en.activity.unreadable })).toBeTruthy();
  for (const action of [en.activity.dispute, en.activity.save])
    expect(queryByRole("button", { name: action })).toBeNull();
});

it("disputes once, and says so", async () => {
  const { backend, getByRole, getByText, queryByRole } = renderPast();
  expect(getByText(en.activity.disputeWhy("id.acme.example"))).toBeTruthy();
  await fireEvent.click(getByRole("button", { name: en.activity.dispute }));
  await waitFor(() => expect(getByText(en.activity.disputed).getAttribute("role")).toBe("status"));
  expect(queryByRole("button", { name: en.activity.dispute })).toBeNull();
  expect(backend.calls).toEqual([["dispute", "ch_1"]]);
});

it("saves the evidence, and says where", async () => {
  const { backend, getByRole, findByText } = renderPast();
  await fireEvent.click(getByRole("button", { name: en.activity.save }));
  expect(await findByText(en.activity.saved("/home/alice/Downloads/countersign-ch_1.json"))).toBeTruthy();
  expect(backend.calls).toEqual([["saveEvidence", "ch_1"]]);
});

it.each([
  [en.activity.save, "not_saved", en.failure.not_saved],
  [en.activity.save, "evidence_incomplete", en.failure.evidence_incomplete],
  [en.activity.dispute, "stopped", en.failure.stopped],
])("says why “%s” failed (%s), and offers it again", async (action, code, sentence) => {
  const { backend, getByRole, findByRole, queryByRole, queryByText } = renderPast();
  backend.failure = { code, message: "for the log" };
  await fireEvent.click(getByRole("button", { name: action }));
  expect((await findByRole("alert")).textContent).toBe(sentence);
  expect(queryByText(en.activity.disputed)).toBeNull();
  backend.failure = undefined;
  await fireEvent.click(getByRole("button", { name: action }));
  await waitFor(() => expect(queryByRole("alert")).toBeNull());
});

it("leads back to the list", async () => {
  const { appState, getByRole } = renderPast();
  await fireEvent.click(getByRole("button", { name: en.back }));
  expect(appState.screen).toEqual({ name: "activity" });
});
