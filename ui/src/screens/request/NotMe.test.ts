import { fireEvent, render } from "@testing-library/svelte";
import { expect, it } from "vitest";

import { payment } from "../../backend/fake";
import type { AnswerResult } from "../../backend/types";
import { formatTime } from "../../format/time";
import { fakeState } from "../../state/fakeState";
import { en } from "../../words/en";
import NotMe from "./NotMe.svelte";

function renderNotMe(overrides: Partial<AnswerResult> = {}, requests = [payment("ch_2")]) {
  const { appState } = fakeState({ requests });
  const result: AnswerResult = {
    id: "ch_1",
    decision: "denied",
    outcome: "denied",
    by: null,
    held_until: 1_790_000_900,
    support: null,
    ...overrides,
  };
  return { ...render(NotMe, { appState, result, request: payment("ch_1") }), appState };
}

it("says until when the client is held back", () => {
  const { getByRole, getByText } = renderNotMe();
  expect(document.activeElement).toBe(getByRole("heading", { name: en.notMe.title }));
  expect(getByText(en.notMe.held("Acme Coffee", formatTime(1_790_000_900, "en")))).toBeTruthy();
});

it("says that the client will be held back, where the answer is not sent yet", () => {
  const { getByText } = renderNotMe({ outcome: null, held_until: null });
  expect(getByText(en.notMe.heldLater("Acme Coffee"))).toBeTruthy();
});

it("names the provider’s help line, as text and not as a link", () => {
  const { getByText, queryByRole, queryByText } = renderNotMe({
    support: { phone: "+49 30 23125 014", url: "https://acme.example/help" },
  });
  for (const shown of [en.notMe.help("Acme ID"), "+49 30 23125 014", "https://acme.example/help"])
    expect(getByText(shown)).toBeTruthy();
  expect(queryByRole("link")).toBeNull();
  expect(queryByText(en.notMe.noHelp("Acme ID"))).toBeNull();
});

it.each([[null], [{ phone: null, url: null }]])("says whom to ask without a help line (%j)", (support) => {
  const { getByText } = renderNotMe({ support });
  expect(getByText(en.notMe.noHelp("Acme ID"))).toBeTruthy();
});

it("goes on to the next request, or to the list", async () => {
  const { getByRole, appState, unmount } = renderNotMe();
  await fireEvent.click(getByRole("button", { name: en.done }));
  expect(appState.screen).toMatchObject({ name: "request", request: { id: "ch_2" } });
  unmount();
  const last = renderNotMe({}, []);
  await fireEvent.click(last.getByRole("button", { name: en.done }));
  expect(last.appState.screen).toEqual({ name: "requests" });
});
