import { fireEvent, render, within } from "@testing-library/svelte";
import { expect, it } from "vitest";

import { account } from "../../backend/fake";
import type { AccountLine } from "../../backend/types";
import { formatDateTime, formatTime } from "../../format/time";
import { fakeState } from "../../state/fakeState";
import { en } from "../../words/en";
import Accounts from "./Accounts.svelte";

const SINCE = 1_790_000_000;
const since = formatDateTime(SINCE, "en");

function renderAccounts(...accounts: Partial<AccountLine>[]) {
  const { appState } = fakeState({
    accounts: accounts.map((overrides, at) => account({ account: `ac_${at + 1}`, ...overrides })),
  });
  const page = render(Accounts, { appState });
  return { ...page, appState, items: page.queryAllByRole("listitem") };
}

it("offers to add an account, with and without one", async () => {
  const { appState, getByRole, items } = renderAccounts();
  expect(document.activeElement).toBe(getByRole("heading", { name: en.accounts.title }));
  expect(items).toEqual([]);
  await fireEvent.click(getByRole("button", { name: en.accounts.add }));
  expect(appState.screen).toEqual({ name: "link" });
});

it("shows user, provider, device, key protection and help line", () => {
  const { items } = renderAccounts(
    {},
    { subject_label: "Bob", host: "login.bank.example", key_protection: "tpm", support: null },
  );
  const [first, second] = items.map((item) => within(item));
  expect(first?.getByRole("heading", { name: "Alice" })).toBeTruthy();
  for (const shown of [
    "id.acme.example",
    en.accounts.active,
    en.accounts.device("Laptop"),
    en.accounts.protection.file_pin,
    "Help line: +49 30 23125 014",
  ]) {
    expect(first?.getByText(shown)).toBeTruthy();
  }
  expect(second?.getByRole("heading", { name: "Bob" })).toBeTruthy();
  expect(second?.getByText(en.accounts.protection.other("tpm"))).toBeTruthy();
  expect(second?.queryByText(/Help line/)).toBeNull();
});

it("says where a key is that opens with the keyring, too", () => {
  const { getByText } = renderAccounts({ key_protection: "file_keyring" });
  expect(getByText(en.accounts.protection.file_keyring)).toBeTruthy();
});

it.each([
  [{ status: "active", can_approve: false }, en.accounts.cannotApprove],
  [{ status: "not_known", since: SINCE }, en.accounts.not_known(since, "id.acme.example")],
  [{ status: "suspended", since: SINCE }, en.accounts.suspended(since, "id.acme.example")],
  [{ status: "revoked", since: SINCE }, en.accounts.revoked(since, "id.acme.example")],
  [{ status: "active", unusable: "the key is on another computer" }, en.accounts.unusable],
] as const)("says what %j means", (overrides, sentence) => {
  const { getByText, queryByText, queryByRole } = renderAccounts(overrides);
  expect(getByText(sentence)).toBeTruthy();
  expect(queryByText(en.accounts.active)).toBeNull();
  expect(queryByRole("button", { name: en.accounts.showCode })).toBeNull();
});

it("leads from an unconfirmed account to its code", async () => {
  const { appState, getByText, getByRole } = renderAccounts({}, { status: "unconfirmed", confirmation_code: "482913" });
  expect(getByText(en.accounts.unconfirmed)).toBeTruthy();
  await fireEvent.click(getByRole("button", { name: en.accounts.showCode }));
  expect(appState.screen).toEqual({ name: "code", accountId: "ac_2" });
});

it("says since when the provider is offline, and why", () => {
  const { getByText } = renderAccounts({ offline_since: SINCE, offline_why: "no_reply" });
  expect(
    getByText(`${en.offline.since("id.acme.example", formatTime(SINCE, "en"))} ${en.offline.why.no_reply}`),
  ).toBeTruthy();
});

it("marks a provider for tests, and no other", () => {
  const { items } = renderAccounts({ test: true }, {});
  expect(items.map((item) => within(item).queryAllByText(en.test.badge).length)).toEqual([1, 0]);
});

it("shows long names whole, and markup as text", () => {
  const subject_label = `<b>${"Alice ".repeat(50)}</b>`;
  const { getByRole, container } = renderAccounts({ subject_label });
  expect(getByRole("heading", { level: 2 }).textContent).toBe(subject_label);
  expect(container.querySelector("b")).toBeNull();
});
