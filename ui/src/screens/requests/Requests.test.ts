import { fireEvent, render, waitFor, within } from "@testing-library/svelte";
import { expect, it } from "vitest";

import { account, line, payment, result, signIn } from "../../backend/fake";
import type { Snapshot } from "../../backend/types";
import { fakeState } from "../../state/fakeState";
import { en } from "../../words/en";
import Requests from "./Requests.svelte";

function renderRequests(overrides: Partial<Snapshot> = {}) {
  const { appState, backend } = fakeState(overrides);
  return { ...render(Requests, { appState }), appState, backend };
}

it("says what an empty list means", () => {
  const { getByRole, getByText, queryByRole } = renderRequests();
  expect(document.activeElement).toBe(getByRole("heading", { name: en.requests.title }));
  expect(getByText(en.requests.empty)).toBeTruthy();
  expect(getByText(en.requests.emptyHow)).toBeTruthy();
  expect(queryByRole("list")).toBeNull();
});

it("lists each request with kind, client, amount, message and time left, and opens the one pressed", async () => {
  const { appState, getAllByRole, queryByText } = renderRequests({ requests: [payment("ch_1"), signIn("ch_2")] });
  const items = getAllByRole("listitem").map((item) => within(item).getByRole("button"));
  expect(items[0]?.textContent?.replace(/\s+/g, " ").trim()).toBe(
    "Payment: Acme Coffee € 80.00 For Alice POS terminal #14: Approve €80.00 at Acme Coffee? 1:42 left",
  );
  expect(items[1]?.textContent?.replace(/\s+/g, " ").trim()).toBe(
    "Sign-in: Acme Support Desk For Alice Case 20914 4:11 left",
  );
  expect(queryByText(en.requests.empty)).toBeNull();
  await fireEvent.click(items[1] as HTMLElement);
  expect(appState.screen).toMatchObject({ name: "request", request: { id: "ch_2" } });
});

it("says for whom each request is", () => {
  const labels = ["Alice", "auth0|64f0c0ffee", "DOMAIN\\carol smith"];
  const { getAllByRole } = renderRequests({
    requests: labels.map((subject_label, at) => payment(`ch_${at}`, { subject_label })),
  });
  const items = getAllByRole("listitem");
  labels.forEach((label, at) => expect(items[at]?.textContent).toContain(en.requests.forWhom(label)));
});

it("claims no time left while the provider's clock is not known", () => {
  const { getByRole } = renderRequests({ requests: [payment("ch_1", { left_ms: null }), payment("ch_2")] });
  const items = within(getByRole("list")).getAllByRole("listitem");
  expect(items[0]?.textContent).toContain(en.request.leftUnknown);
  expect(items[1]?.textContent).toContain("1:42 left");
});

it("promises nothing where no account takes part", () => {
  const suspended = account({ status: "suspended", since: 1_790_000_000 });
  const kept = [result("ch_1", { outcome: null, decision: "approved" })];
  const { getByText, queryByText } = renderRequests({ accounts: [suspended], kept });
  expect(getByText(en.requests.empty)).toBeTruthy();
  expect(queryByText(en.requests.emptyHow)).toBeNull();
  expect(
    getByText(en.requests.notTaken("Approved: €\u00a04.20 to Acme Coffee, Berlin"), {
      normalizer: (text) => text.trim(),
    }),
  ).toBeTruthy();
});

it("marks an unverified client and a provider for tests, and shows a long name whole", () => {
  const client_name = `<i>${"Acme ".repeat(60)}</i>`;
  const { getByRole, container } = renderRequests({
    requests: [payment("ch_1", { client_name, client_verified: false, test: true }), payment("ch_2")],
  });
  const items = within(getByRole("list")).getAllByRole("button");
  expect(items[0]?.textContent).toContain(en.requests.unverified(client_name));
  expect(within(items[0] as HTMLElement).getByText(en.test.badge)).toBeTruthy();
  expect(within(items[1] as HTMLElement).queryByText(en.test.badge)).toBeNull();
  expect(container.querySelector("i")).toBeNull();
});

it("names the kind where a request has no message", () => {
  const { getByRole } = renderRequests({
    requests: [payment("ch_1", { kind: "device", lines: [line("client", "From", "Acme")] }), payment("ch_2")],
  });
  expect(within(getByRole("list")).getAllByText(en.kind.device)).toHaveLength(1);
});

it("lists what is held back apart, folded, with the reason", async () => {
  const { appState, getByText, getByRole } = renderRequests({
    requests: [payment("ch_1", { held: true }), payment("ch_2", { held: true })],
  });
  expect(getByText(en.requests.empty)).toBeTruthy();
  const fold = getByText(en.requests.held(2)).closest("details") as HTMLDetailsElement;
  expect(fold.open).toBe(false);
  expect(within(fold).getByText(en.requests.heldWhy)).toBeTruthy();
  fold.open = true;
  expect(within(fold).getAllByRole("listitem")).toHaveLength(2);
  await fireEvent.click(within(getByRole("list")).getAllByRole("button")[0] as HTMLElement);
  expect(appState.screen).toMatchObject({ name: "request", request: { id: "ch_1" } });
});

it.each([
  [{ outcome: "approved" } as const, "Approved €\u00a04.20 to Acme Coffee, Berlin · "],
  [{ outcome: "denied" } as const, "Denied €\u00a04.20 to Acme Coffee, Berlin · "],
  [{ outcome: "expired", amount: null, kind: "login" } as const, `Sign-in for Acme Coffee: ${en.ending.expired} · `],
])("keeps the line about how the last request ended (%j)", async (ended, sentence) => {
  const { backend, getAllByRole } = renderRequests();
  backend.change({ results: [result("ch_1", ended)] });
  await waitFor(() => expect(getAllByRole("status")[0]?.textContent?.trim().startsWith(sentence)).toBe(true));
});

it("says of an answer that is not sent yet that it is kept", () => {
  const { getByText } = renderRequests({ kept: [result("ch_1", { outcome: null, decision: "denied" })] });
  expect(
    getByText(en.requests.kept("Denied: €\u00a04.20 to Acme Coffee, Berlin"), { normalizer: (text) => text.trim() }),
  ).toBeTruthy();
});

it("offers a link that was handed to the app", async () => {
  const { appState, getByRole, getByText } = renderRequests({ link_waiting: true, link_revision: 0 });
  expect(getByText(en.requests.newLink)).toBeTruthy();
  await fireEvent.click(getByRole("button", { name: en.requests.openLink }));
  expect(appState.screen).toEqual({ name: "link" });
});
