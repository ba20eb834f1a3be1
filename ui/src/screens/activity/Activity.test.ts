import { fireEvent, render, waitFor, within } from "@testing-library/svelte";
import { expect, it, vi } from "vitest";

import { activityEntry } from "../../backend/fake";
import { formatDateTime } from "../../format/time";
import { fakeState, pending } from "../../state/fakeState";
import { en } from "../../words/en";
import Activity from "./Activity.svelte";

it("says that the record is being read", () => {
  const { appState, backend } = fakeState();
  vi.spyOn(backend, "activity").mockReturnValue(pending<never>().promise);
  const { getByRole, queryByText } = render(Activity, { appState });
  expect(document.activeElement).toBe(getByRole("heading", { name: en.activity.title }));
  expect(getByRole("status").textContent).toBe(en.activity.loading);
  expect(queryByText(en.activity.empty)).toBeNull();
});

it("says that nothing has been asked yet", async () => {
  const { appState } = fakeState();
  const { findByText, queryByRole } = render(Activity, { appState });
  expect(await findByText(en.activity.empty)).toBeTruthy();
  expect(queryByRole("status")).toBeNull();
});

it.each([
  ["history_broken", en.failure.history_broken()],
  ["novelty", en.failure.unknown("novelty")],
])("says for %s why there is no record", async (code, sentence) => {
  const { appState, backend } = fakeState();
  backend.onActivity = () => ({ code, message: "for the log" });
  const { findByRole, queryByRole } = render(Activity, { appState });
  expect((await findByRole("alert")).textContent).toBe(sentence);
  expect(queryByRole("status")).toBeNull();
});

it.each([
  [{ stage: "received" }, en.activity.waiting],
  [{ stage: "shown" }, en.activity.waiting],
  [{ stage: "answering" }, en.activity.sending],
  [{ stage: "refused" }, en.activity.refused],
  [{ stage: "ended", outcome: "approved" }, en.ending.approved],
  [{ stage: "ended", outcome: "disputed" }, en.ending.disputed],
  [{ stage: "ended", outcome: "answered_elsewhere", by: "Alice’s phone" }, en.result.elsewhere("Alice’s phone")],
  [{ stage: "ended", outcome: "cancelled" }, en.result.cancelled("Acme Coffee")],
  [{ stage: "ended", outcome: null }, en.ending.gone],
] as const)("lists a request with its state: %j", async (overrides, sentence) => {
  const { appState, backend } = fakeState();
  backend.onActivity = () => [activityEntry("ch_1", overrides)];
  const { findByRole } = render(Activity, { appState });
  const item = within(await findByRole("listitem"));
  expect(item.getByText(sentence)).toBeTruthy();
});

it("lists client, amount and time, names what could not be read, and opens the entry pressed", async () => {
  const { appState, backend } = fakeState();
  const unreadable = activityEntry("ch_2", { kind: null, client_name: null, amount: null, stage: "refused" });
  backend.onActivity = () => [activityEntry("ch_1"), unreadable];
  const { findAllByRole } = render(Activity, { appState });
  const [first, second] = await findAllByRole("listitem");
  expect(first?.textContent).toContain("Acme Coffee");
  expect(first?.textContent).toContain("€\u00a080.00");
  expect(first?.textContent).toContain(formatDateTime(1_790_000_000, "en"));
  expect(second?.textContent).toContain(en.activity.unreadable);
  await fireEvent.click(within(second as HTMLElement).getByRole("button"));
  expect(appState.screen).toEqual({ name: "past", entry: unreadable });
});

it("says of a client that nobody verified what it calls itself, and lets it look like nothing else", async () => {
  const { appState, backend } = fakeState();
  backend.onActivity = () => [activityEntry("ch_1", { client_name: "Acme    Bank", client_verified: false })];
  const { findByRole } = render(Activity, { appState });
  expect((await findByRole("listitem")).textContent).toContain(en.requests.unverified("Acme␣␣␣␣Bank"));
});

it("reads the record again when something has changed", async () => {
  const { appState, backend } = fakeState();
  const { findByText, findByRole } = render(Activity, { appState });
  await findByText(en.activity.empty);
  backend.onActivity = () => [activityEntry("ch_1")];
  backend.change({});
  expect(await findByRole("listitem")).toBeTruthy();
  await waitFor(() => expect(backend.calls).toEqual([["activity"], ["activity"]]));
});
