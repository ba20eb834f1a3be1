import { fireEvent, render, waitFor } from "@testing-library/svelte";
import { expect, it, vi } from "vitest";

import type { Snapshot } from "../../backend/types";
import { fakeState, pending } from "../../state/fakeState";
import { en } from "../../words/en";
import LinkEntry from "./LinkEntry.svelte";

const LINK = "https://id.acme.example/push/enroll#token";

function renderEntry(overrides: Partial<Snapshot> = {}) {
  const { appState, backend } = fakeState({ accounts: [], ...overrides });
  const page = render(LinkEntry, { appState });
  const field = page.getByRole("textbox", { name: en.link.label }) as HTMLTextAreaElement;
  const paste = (link: string) => fireEvent.input(field, { target: { value: link } });
  const next = page.getByRole("button", { name: en.continue });
  const isInert = () => next.getAttribute("aria-disabled") === "true";
  /** What a key or a click does: the button is inert for the person, not for the browser. */
  const submit = () => fireEvent.submit(next.closest("form") as HTMLFormElement);
  return { ...page, appState, backend, field, paste, isInert, submit };
}

it("keeps Continue inert while there is no link", async () => {
  const { isInert, paste, getByText, field } = renderEntry();
  expect(isInert()).toBe(true);
  expect(field.getAttribute("aria-describedby")).toBe(getByText(en.link.help).id);
  await paste("   ");
  expect(isInert()).toBe(true);
  await paste(LINK);
  expect(isInert()).toBe(false);
});

it("verifies a pasted link without the spaces around it, and goes on to the preview", async () => {
  const { appState, backend, paste, submit } = renderEntry();
  await paste(`  ${LINK}\n`);
  await submit();
  await waitFor(() => expect(appState.screen.name).toBe("preview"));
  expect(backend.calls).toEqual([["preview", LINK]]);
});

it("asks once while the link is being checked, and says so", async () => {
  const { backend, paste, submit, isInert, getByRole } = renderEntry();
  const reply = pending<never>();
  const preview = vi.spyOn(backend, "preview").mockReturnValue(reply.promise);
  await paste(LINK);
  await submit();
  expect(getByRole("status").textContent).toBe(en.link.checking);
  expect(isInert()).toBe(true);
  await submit();
  expect(preview).toHaveBeenCalledTimes(1);
});

it.each([
  ["invalid_link", en.failure.invalid_link],
  ["link_expired", en.failure.link_expired],
  ["link_not_verified", en.failure.link_not_verified],
  ["no_reply", en.failure.no_reply],
  ["novelty", en.failure.unknown("novelty")],
])("says for %s what to do, and keeps the link", async (code, sentence) => {
  const { backend, appState, paste, submit, findByRole, field, isInert } = renderEntry();
  const before = appState.screen;
  backend.onPreview = () => ({ code, message: "for the log" });
  await paste(LINK);
  await submit();
  expect((await findByRole("alert")).textContent).toBe(sentence);
  expect(field.value).toBe(LINK);
  expect(isInert()).toBe(false);
  expect(appState.screen).toBe(before);
});

it("checks a link from outside at once, and never shows it", async () => {
  const { appState, backend, field } = renderEntry({ link_waiting: true, link_revision: 1 });
  await waitFor(() => expect(appState.screen.name).toBe("preview"));
  expect(backend.calls).toEqual([["preview", undefined]]);
  expect(field.value).toBe("");
});

it("forgets the link when cancelled", async () => {
  const { appState, backend, getByRole } = renderEntry();
  await fireEvent.click(getByRole("button", { name: en.cancel }));
  await waitFor(() => expect(appState.screen.name).toBe("welcome"));
  expect(backend.calls).toEqual([["forgetLink"]]);
});
