import { fireEvent, render, waitFor } from "@testing-library/svelte";
import { expect, it } from "vitest";

import { account } from "../../backend/fake";
import type { Waking } from "../../backend/types";
import { fakeState } from "../../state/fakeState";
import { de } from "../../words/de";
import { en } from "../../words/en";
import Requests from "./Requests.svelte";

function renderRequests(waking: Waking | null, locale: "en" | "de" = "en") {
  const { appState, backend } = fakeState({ locale, accounts: [account({ waking })] });
  if (waking) backend.withWaker(waking);
  return { ...render(Requests, { appState }), appState, backend };
}

it.each(["askable", "denied", "unsupported", "not_told", "not_pushed"] as Exclude<Waking, "on">[])(
  "says above the list that it can’t be woken, and why (%s)",
  (waking) => {
    for (const [locale, words] of [
      ["en", en],
      ["de", de],
    ] as const) {
      const { container, unmount } = renderRequests(waking, locale);
      const text = container.querySelector("#not-woken")?.textContent ?? "";
      const why = words.wake.why[waking];
      for (const part of [words.wake.cant, words.wake.instead, typeof why === "string" ? why : why("id.acme.example")])
        expect(text).toContain(part);
      unmount();
    }
  },
);

it("says nothing where it can be woken, and in a window, which nothing wakes", () => {
  for (const waking of ["on", null] as const) {
    const { container, unmount } = renderRequests(waking);
    expect(container.querySelector("#not-woken")).toBeNull();
    unmount();
  }
});

it("tries a push, and says how long each step took", async () => {
  const { backend, container, getByRole, getByText } = renderRequests("askable");
  await fireEvent.click(getByRole("button", { name: en.wake.tryIt }));
  await waitFor(() => expect(getByText(en.wake.tried.arrived(210))).toBeTruthy());
  expect(backend.calls).toEqual([
    ["wake", "ac_1"],
    ["tryPush", "ac_1"],
  ]);
  backend.change({ accounts: [account({ waking: "on" })] });
  await waitFor(() => expect(container.querySelector("#try-push")).toBeNull());
  expect(getByText(en.wake.tried.accepted("push.example.net", 40))).toBeTruthy();
});

it.each([
  ["refused", en.wake.failed.refused],
  ["not accepted", en.wake.tried.notAccepted("push.example.net")],
  ["not arrived", en.wake.tried.notArrived],
  ["failed", en.failure.rate_limited],
])("says what failed (%s)", async (what, said) => {
  const { backend, getByRole, getByText } = renderRequests("denied");
  const tried = { queued_ms: 3, accepted_ms: 40, service: "push.example.net", arrived_ms: null };
  if (what === "refused") backend.onWake = () => "refused";
  if (what === "not accepted") backend.onTryPush = () => ({ ...tried, accepted_ms: null });
  if (what === "not arrived") backend.onTryPush = () => tried;
  if (what === "failed") backend.onTryPush = () => ({ code: "rate_limited", message: "" });
  await fireEvent.click(getByRole("button", { name: en.wake.tryIt }));
  await waitFor(() => expect(getByText(said)).toBeTruthy());
});
