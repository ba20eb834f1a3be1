import { fireEvent, render, waitFor } from "@testing-library/svelte";
import { expect, it } from "vitest";

import { account } from "../../backend/fake";
import type { WakeResult } from "../../backend/types";
import { fakeState, pending } from "../../state/fakeState";
import { de } from "../../words/de";
import { en } from "../../words/en";
import Wake from "./Wake.svelte";

function renderWake(locale: "en" | "de" = "en") {
  const { appState, backend } = fakeState({ locale, accounts: [account({ waking: "askable" })] });
  backend.withWaker("askable");
  return { ...render(Wake, { appState, accountId: "ac_1" }), appState, backend };
}

it("asks when the button is pressed and not before, and goes on to practice", async () => {
  const { appState, backend, getByRole, getByText } = renderWake();
  expect(document.activeElement).toBe(getByRole("heading", { name: en.wake.title }));
  expect(backend.calls).toEqual([]);
  await fireEvent.click(getByRole("button", { name: en.wake.ask }));
  await waitFor(() => expect(getByText(en.wake.on)).toBeTruthy());
  expect(backend.calls).toEqual([["wake", "ac_1"]]);
  await fireEvent.click(getByRole("button", { name: en.continue }));
  expect(appState.screen).toEqual({ name: "practice", accountId: "ac_1" });
});

it.each(["refused", "blocked", "unsupported", "absent", "silent"] as Exclude<WakeResult, "on">[])(
  "says what to do instead where it is %s, and goes on without",
  async (result) => {
    for (const [locale, words] of [
      ["en", en],
      ["de", de],
    ] as const) {
      const { appState, backend, getByRole, unmount } = renderWake(locale);
      backend.onWake = () => result;
      await fireEvent.click(getByRole("button", { name: words.wake.ask }));
      const said = () => getByRole("alert").textContent;
      await waitFor(() => expect(said()).toBe(`${words.wake.failed[result]} ${words.wake.instead}`));
      await fireEvent.click(getByRole("button", { name: words.wake.without }));
      expect(appState.screen).toEqual({ name: "practice", accountId: "ac_1" });
      unmount();
    }
  },
);

it("says so while the browser asks, and where who asks can't be told", async () => {
  const { appState, backend, getByRole, getByText } = renderWake();
  const asked = pending<WakeResult>();
  if (backend.waker) backend.waker.wake = () => asked.promise;
  await fireEvent.click(getByRole("button", { name: en.wake.ask }));
  expect(getByText(en.wake.asking)).toBeTruthy();
  asked.resolve("on");
  await waitFor(() => expect(getByText(en.wake.on)).toBeTruthy());
  expect(appState.screen.name).not.toBe("practice");
});

it("does not ask where nobody would be woken", async () => {
  const { appState, backend } = renderWake();
  backend.change({ accounts: [account({ waking: "not_pushed" })] });
  await waitFor(() => expect(appState.screen).toEqual({ name: "requests" }));
});
