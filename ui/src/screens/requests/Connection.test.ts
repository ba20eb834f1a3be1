import { fireEvent, render, waitFor } from "@testing-library/svelte";
import { afterEach, beforeEach, expect, it, vi } from "vitest";

import { account, result } from "../../backend/fake";
import type { AccountLine, Snapshot } from "../../backend/types";
import { formatTime } from "../../format/time";
import { fakeState, pending } from "../../state/fakeState";
import { en } from "../../words/en";
import Connection from "./Connection.svelte";

const NOW = 1_790_000_000;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["Date"], now: NOW * 1000 });
});

afterEach(() => {
  vi.useRealTimers();
});

function renderConnection(accounts: AccountLine[], overrides: Partial<Snapshot> = {}) {
  const { appState, backend } = fakeState({ accounts, ...overrides });
  return { ...render(Connection, { appState }), backend };
}

const other = { account: "ac_2", host: "login.bank.example" };

it.each([
  [0, en.requests.justNow],
  [42, "42 s ago"],
  [180, "3 min ago"],
  [7_200, "2 h ago"],
])("names the one provider, and that it replied %d seconds ago", (seconds, ago) => {
  const { getByText, queryByRole } = renderConnection([account({ checked_at: NOW - seconds })]);
  expect(getByText(`${en.requests.connected("id.acme.example")} · ${en.requests.checked(ago)}`)).toBeTruthy();
  expect(queryByRole("status")).toBeNull();
});

it("counts several providers, and the newest reply", () => {
  const { getByText } = renderConnection([
    account({ checked_at: NOW - 42 }),
    account({ ...other, checked_at: NOW - 300 }),
  ]);
  expect(getByText(`${en.requests.connectedMany(2)} · ${en.requests.checked("42 s ago")}`)).toBeTruthy();
});

it.each([
  ["no reply yet", [account({ checked_at: null })]],
  ["no account", []],
])("is not connected with %s", (_, accounts) => {
  const { getByText, queryByRole } = renderConnection(accounts);
  expect(getByText(en.requests.notConnected)).toBeTruthy();
  expect(queryByRole("status")).toBeNull();
});

it.each([
  [
    "suspended",
    account({ status: "suspended", since: NOW }),
    /^Alice at id\.acme\.example: Switched off since .*set up/,
  ],
  ["not known", account({ status: "not_known", since: NOW }), /^Alice at id\.acme\.example: Not known .*set up/],
  ["revoked", account({ status: "revoked", since: NOW }), /^Alice at id\.acme\.example: Removed .*Set up/],
  ["unusable", account({ unusable: "damaged" }), /^Alice at id\.acme\.example: Can’t be used .*Set it up/],
])("says of an account that is %s what is the case and what to do", (_, idle, sentence) => {
  const { container } = renderConnection([
    idle,
    account({ ...other, issuer: "https://login.bank.example", checked_at: NOW }),
  ]);
  const note = container.querySelector("#no-part");
  expect(note?.textContent?.replace(/\s+/g, " ").trim()).toMatch(sentence);
});

it("says nothing of a removed account that was enrolled again", () => {
  const { container } = renderConnection([
    account({ status: "revoked", since: NOW, replaced: true }),
    account({ account: "ac_2", checked_at: NOW }),
  ]);
  expect(container.querySelector("#no-part")).toBeNull();
});

it.each([
  "unreachable",
  "not_the_provider",
  "no_reply",
  "unwell",
  "certificate_unknown_authority",
  "certificate_expired",
  "certificate_wrong_name",
  "certificate_of_authority",
  "certificate_unusable",
] as const)("says since when a provider is offline, and why: %s", (offline_why) => {
  const { getByRole, getByText } = renderConnection([
    account({ checked_at: NOW }),
    account({ ...other, offline_since: NOW - 600, offline_why }),
  ]);
  const since = en.offline.since("login.bank.example", formatTime(NOW - 600, "en"));
  expect(getByRole("status").textContent?.trim()).toBe(`${since} ${en.offline.why[offline_why]}`);
  expect(getByText(new RegExp(`^${en.requests.connected("id.acme.example")}`))).toBeTruthy();
});

it("says that an answer is kept while the provider is offline", () => {
  const { getByRole } = renderConnection([account({ offline_since: NOW, offline_why: null })], {
    kept: [result("ch_1")],
  });
  expect(getByRole("status").textContent).toContain(en.offline.why.unreachable);
  expect(getByRole("status").textContent).toContain(en.offline.kept);
});

it("checks once at a time, and says so", async () => {
  const { backend, getByRole } = renderConnection([account()]);
  const reply = pending<undefined>();
  const checkNow = vi.spyOn(backend, "checkNow").mockReturnValue(reply.promise);
  await fireEvent.click(getByRole("button", { name: en.requests.checkNow }));
  const busy = getByRole("button", { name: en.checking });
  expect(busy.getAttribute("aria-disabled")).toBe("true");
  await fireEvent.click(busy);
  expect(checkNow).toHaveBeenCalledTimes(1);
  reply.resolve(undefined);
  await waitFor(() =>
    expect(getByRole("button", { name: en.requests.checkNow }).getAttribute("aria-disabled")).toBe("false"),
  );
});

it("says why a check failed, until the next one", async () => {
  const { backend, getByRole, findByRole, queryByRole } = renderConnection([account()]);
  backend.failure = { code: "stopped", message: "for the log" };
  await fireEvent.click(getByRole("button", { name: en.requests.checkNow }));
  expect((await findByRole("alert")).textContent).toBe(en.failure.stopped);
  backend.failure = undefined;
  await fireEvent.click(getByRole("button", { name: en.requests.checkNow }));
  await waitFor(() => expect(queryByRole("alert")).toBeNull());
});
