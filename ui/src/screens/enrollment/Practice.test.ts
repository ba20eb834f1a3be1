import { fireEvent, render, waitFor } from "@testing-library/svelte";
import { afterEach, beforeEach, expect, it, vi } from "vitest";

import { account, line, payment } from "../../backend/fake";
import { fakeState } from "../../state/fakeState";
import { en } from "../../words/en";
import Practice from "./Practice.svelte";

beforeEach(() => {
  vi.useFakeTimers({ shouldAdvanceTime: true });
});

afterEach(() => {
  vi.useRealTimers();
});

function renderPractice() {
  const { appState, backend } = fakeState({ accounts: [account()] });
  backend.withWaker("on");
  appState.screen = { name: "practice", accountId: "ac_1" };
  return { ...render(Practice, { appState, accountId: "ac_1" }), appState, backend };
}

const practice = payment("ch_9", { lines: [line("practice", "PRACTICE", "This is practice")] });

it("starts when the person says so, and opens the practice request alone", async () => {
  const { appState, backend, getByRole, getByText } = renderPractice();
  expect(getByText(en.practice.lead("id.acme.example"))).toBeTruthy();
  await fireEvent.click(getByRole("button", { name: en.practice.start }));
  expect(backend.calls).toEqual([["practise", "ac_1"]]);
  expect(getByText(en.practice.starting)).toBeTruthy();
  backend.change({ requests: [payment("ch_1")] });
  expect(appState.screen.name).toBe("practice");
  backend.change({ requests: [payment("ch_1"), { ...practice, account: "ac_2" }] });
  expect(appState.screen.name).toBe("practice");
  backend.change({ requests: [payment("ch_1"), practice] });
  expect(appState.screen).toMatchObject({ name: "request", request: { id: "ch_9" } });
});

it("says that nothing has come, and lets the person start again or go on", async () => {
  const { appState, backend, getByRole, getByText } = renderPractice();
  await fireEvent.click(getByRole("button", { name: en.practice.start }));
  appState.now = performance.now() + 16_000;
  await waitFor(() => expect(getByText(en.practice.late)).toBeTruthy());
  await fireEvent.click(getByRole("button", { name: en.practice.start }));
  expect(backend.calls.length).toBe(2);
  await fireEvent.click(getByRole("button", { name: en.practice.skip }));
  expect(appState.screen).toEqual({ name: "requests" });
});

it("says why it can't be started", async () => {
  const { backend, getByRole } = renderPractice();
  backend.failure = { code: "rate_limited", message: "" };
  await fireEvent.click(getByRole("button", { name: en.practice.start }));
  await waitFor(() => expect(getByRole("alert").textContent).toBe(en.failure.rate_limited));
});
