import { fireEvent, render, waitFor } from "@testing-library/svelte";
import { expect, it } from "vitest";

import { account } from "../../backend/fake";
import type { AccountLine } from "../../backend/types";
import { fakeState } from "../../state/fakeState";
import { en } from "../../words/en";
import ConfirmationCode from "./ConfirmationCode.svelte";

const unconfirmed = { status: "unconfirmed", confirmation_code: "482913" } as const;

function renderCode(overrides: Partial<AccountLine>) {
  const { appState, backend } = fakeState({ accounts: [account(overrides)] });
  return { ...render(ConfirmationCode, { appState, accountId: "ac_1" }), appState, backend };
}

it("shows the code, where to type it, and that it waits", async () => {
  const { appState, getByRole, getByText } = renderCode(unconfirmed);
  expect(document.activeElement).toBe(getByRole("heading", { name: en.code.title }));
  expect(getByText(en.code.lead("id.acme.example"))).toBeTruthy();
  expect(getByText("482913")).toBeTruthy();
  expect(getByRole("status").textContent).toBe(en.code.waiting);
  await fireEvent.click(getByRole("button", { name: en.code.later }));
  expect(appState.screen).toEqual({ name: "requests" });
});

it("says that it is confirmed, and leaves the code where it was", async () => {
  const { backend, getByRole, getByText, queryByRole } = renderCode(unconfirmed);
  backend.change({ accounts: [account()] });
  await waitFor(() => expect(getByRole("status").textContent).toBe(en.code.confirmed));
  expect(getByText("482913")).toBeTruthy();
  expect(getByRole("button", { name: en.done })).toBeTruthy();
  expect(queryByRole("button", { name: en.code.later })).toBeNull();
});

it("says what to do where the code is no longer known", () => {
  const { getByText, getByRole } = renderCode({ ...unconfirmed, confirmation_code: null });
  expect(getByText(en.code.lost)).toBeTruthy();
  expect(getByRole("status").textContent).toBe("");
});
