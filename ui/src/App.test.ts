// Flows across screens on a fake backend: what is shown, what is asked of the app, and that nothing moves under a finger.

import { cleanup, fireEvent, render, waitFor } from "@testing-library/svelte";
import { afterEach, beforeEach, expect, it, vi } from "vitest";

import App from "./App.svelte";
import { account, FakeBackend, line, payment, result, signIn, linkPreview } from "./backend/fake";
import type { Snapshot } from "./backend/types";
import { de } from "./words/de";
import { en } from "./words/en";

beforeEach(() => {
  vi.useFakeTimers({ shouldAdvanceTime: true });
});

afterEach(() => {
  cleanup();
  vi.useRealTimers();
});

/** The page on a fake backend, at its first screen. */
async function openPage(overrides: Partial<Snapshot> = {}) {
  const backend = new FakeBackend(overrides);
  const { container } = render(App, { props: { backend } });
  const query = <E extends HTMLElement = HTMLElement>(css: string) => container.querySelector<E>(css);
  const see = async <E extends HTMLElement = HTMLElement>(css: string) => {
    await waitFor(() => expect(query(css), css).not.toBeNull());
    return query<E>(css) as E;
  };
  const press = async (css: string) => fireEvent.click(await see(`${css}:not([aria-disabled=true])`));
  const fill = async (css: string, value: string) => fireEvent.input(await see(css), { target: { value } });
  const onScreen = (expected: string) => see(`main[data-screen="${expected}"]`);
  /** Resolves once Approve is no longer inert by its delay. */
  const ready = async () => {
    await waitFor(() => expect(backend.calls.some(([method]) => method === "shown")).toBe(true));
    await vi.advanceTimersByTimeAsync(600);
  };
  return { backend, container, query, see, press, fill, onScreen, ready };
}

it("leads from a pasted link to an account", async () => {
  const { backend, onScreen, press, fill, see } = await openPage({ accounts: [] });
  await onScreen("welcome");
  await press("#have-link");
  await fill("#link", " https://id.acme.example/push/enroll#token ");
  await press("#continue");
  await onScreen("preview");
  expect((await see("#preview-domain")).textContent).toBe("acme.example");
  await press("#confirm");
  await fill("#pin", "123456");
  await fill("#pin-again", "123457");
  await press("#enroll");
  expect((await see("#problem")).textContent).toBe(en.pin.differs);
  await fill("#pin-again", "123456");
  await press("#enroll");
  await onScreen("code");
  backend.change({ accounts: [account({ status: "unconfirmed", confirmation_code: "482913" })] });
  await waitFor(async () => expect((await see("#code")).textContent).toBe("482913"));
  backend.change({ accounts: [account()] });
  await waitFor(async () => expect((await see("#done")).textContent).toBe(en.done));
  expect((await see("#code")).textContent).toBe("482913");
  expect(backend.calls.map(([method]) => method)).toEqual(["preview", "enroll"]);
});

it("looks at a link that waits without being asked", async () => {
  const { backend, onScreen } = await openPage({ accounts: [], link_waiting: true, link_revision: 1 });
  await onScreen("preview");
  expect(backend.calls).toEqual([["preview", undefined]]);
});

it("approves a payment with a PIN, and hands back the hash of what it rendered", async () => {
  const { backend, onScreen, press, fill, see, ready } = await openPage({ requests: [payment("ch_1")] });
  await onScreen("request");
  expect((await see("#approve")).getAttribute("aria-disabled")).toBe("true");
  await fireEvent.click(await see("#approve"));
  await ready();
  await press("#approve");
  await fill("#pin", "123456");
  await press("#pin-approve");
  await onScreen("requests");
  expect(backend.calls.at(-1)).toEqual([
    "answer",
    { challengeId: "ch_1", displayHash: "hash-of-ch_1", decision: "approve", pin: "123456" },
  ]);
  expect((await see("#outcome")).textContent).toContain("Approved");
});

it("says from the fifth wrong PIN on how many tries are left, and counts a wait down", async () => {
  const { backend, press, fill, see, ready } = await openPage({ requests: [payment("ch_1")] });
  backend.onAnswer = () => ({ code: "wrong_pin", message: "", tries_left: 5, wait_ms: 30_000 });
  await ready();
  await press("#approve");
  await fill("#pin", "000000");
  await press("#pin-approve");
  expect((await see("#problem")).textContent).toContain("5 tries");
  expect((await see<HTMLInputElement>("#pin")).value).toBe("");
  expect((await see("#wait")).textContent).toMatch(/0:3[01]/);
  await fill("#pin", "123456");
  expect((await see("#pin-approve")).getAttribute("aria-disabled")).toBe("true");
  await vi.advanceTimersByTimeAsync(31_000);
  await see("#pin-approve:not([aria-disabled=true])");
});

it("denies without a PIN, and tells what becomes of a client after This wasn’t me", async () => {
  const { backend, press, onScreen, see } = await openPage({ requests: [signIn("ch_1")] });
  await press("#not-me");
  await onScreen("not-me");
  expect((await see("#held-for")).textContent).toMatch(/^Until .* Acme Support Desk asks without a sound/);
  expect((await see("#support")).textContent).toContain("+49 30 23125 014");
  expect(backend.calls.at(-1)).toEqual([
    "answer",
    { challengeId: "ch_1", displayHash: "hash-of-ch_1", decision: "not_me" },
  ]);
});

it("keeps Approve inert until the number is whole", async () => {
  const { backend, press, fill, see, ready } = await openPage({ requests: [signIn("ch_1", { needs_pin: false })] });
  await ready();
  expect((await see("#approve")).getAttribute("aria-disabled")).toBe("true");
  expect((await see("#inert")).textContent).toBe(en.request.inertNumber);
  await fill("#number", "48 29-1");
  expect((await see("#approve")).getAttribute("aria-disabled")).toBe("true");
  await fill("#number", "48 29-13 7");
  await press("#approve");
  await waitFor(() => expect(backend.calls.at(-1)?.[1]).toMatchObject({ number: "482913" }));
});

it("wants what it does not know to be read once more", async () => {
  const unknown = payment("ch_1", { unrecognised: true, needs_pin: false });
  const { press, see, ready } = await openPage({ requests: [unknown] });
  await ready();
  expect((await see("#inert")).textContent).toBe(en.request.inertConfirm);
  await fireEvent.click(await see("#confirm-unrecognised"));
  await press("#approve");
});

it.each([
  ["expired", en.ending.expired, null],
  ["answered_elsewhere", "Answered on Alice’s terminal.", "Alice’s terminal"],
  ["cancelled", "Acme Coffee cancelled this.", null],
] as const)("stays where it is when a request has %s while shown", async (outcome, words, by) => {
  const { backend, see, query, press, onScreen } = await openPage({ requests: [payment("ch_1")] });
  await onScreen("request");
  backend.change({ requests: [], results: [result("ch_1", { decision: null, outcome, by })] });
  await waitFor(async () => expect((await see("main[data-screen=request] #outcome")).textContent).toBe(words));
  expect(query("#approve")).toBeNull();
  await press("#done");
  await onScreen("requests");
});

it("never lets one request take another’s place", async () => {
  const { backend, see, onScreen } = await openPage({ requests: [payment("ch_1")] });
  await onScreen("request");
  backend.change({ requests: [signIn("ch_2", { left_ms: 1_000 }), payment("ch_1")] });
  await waitFor(async () => expect((await see(".last")).textContent).toContain(en.requests.more(1)));
  expect((await see("section[data-challenge]")).dataset["challenge"]).toBe("ch_1");
});

it("does not open by itself what a person has left", async () => {
  const { backend, press, onScreen, query } = await openPage({ requests: [payment("ch_1")] });
  await press("#back");
  await onScreen("requests");
  backend.change({ requests: [] });
  backend.change({ requests: [payment("ch_1")] });
  await vi.advanceTimersByTimeAsync(300);
  expect(query("main[data-screen=requests]")).not.toBeNull();
});

it("lists what is held back apart, and opens none of it", async () => {
  const { see, onScreen } = await openPage({ requests: [payment("ch_1", { held: true })] });
  await onScreen("requests");
  expect((await see("#held")).textContent).toContain("Quiet (1)");
  await see("#empty");
});

it("says that it is offline and that an answer is kept", async () => {
  const offline = account({ offline_since: 1_790_000_000, offline_why: "unreachable" });
  const { see } = await openPage({ accounts: [offline], kept: [result("ch_1", { outcome: null })] });
  expect((await see("#offline")).textContent).toContain(en.offline.kept);
  expect((await see("[data-kept]")).textContent).toContain("€");
});

it("shows outside text as text", async () => {
  const markup = '<img src=x onerror="alert(1)"><b>Approve</b>';
  const lines = [
    line("kind", "Request", "Payment"),
    line("client", "From", markup),
    line("message", `Message from ${markup}`, markup),
  ];
  const { see, container } = await openPage({ requests: [payment("ch_1", { client_name: markup, lines })] });
  expect((await see("#message .verbatim")).textContent).toBe(markup);
  expect((await see("#client .verbatim")).textContent).toBe(markup);
  expect(container.querySelector("img, b")).toBeNull();
});

it("tells why the device can’t be opened", async () => {
  const { see, onScreen } = await openPage({ trouble: { code: "home_in_use", message: "process 7" } });
  await onScreen("trouble");
  expect((await see("main")).textContent).toContain(en.trouble.home_in_use);
});

it("drops a snapshot that comes late", async () => {
  const { backend, onScreen, query } = await openPage({ revision: 5 });
  await onScreen("requests");
  backend.state = { ...backend.state, revision: 3, requests: [payment("ch_1")] };
  backend.change({});
  await vi.advanceTimersByTimeAsync(300);
  expect(query("section[data-challenge]")).toBeNull();
});

it("has a word in every language for every code, and none for a code that it does not know", () => {
  expect(Object.keys(de.failure)).toEqual(Object.keys(en.failure));
  expect(en.failure.unknown("novelty")).toContain("novelty");
});

it("leads from a new account to being woken, to practice, and to the requests", async () => {
  const { backend, onScreen, press, see, ready } = await openPage({ accounts: [account()] });
  backend.withWaker("askable").change({});
  backend.onEnroll = () => ({ account: "ac_1", confirmation_code: null });
  backend.onPreview = () => linkPreview({ confirm: false, passkey: true });
  backend.change({ link_waiting: true, link_revision: 1 });
  await onScreen("preview");
  await press("#confirm");
  await onScreen("wake");
  await press("#wake");
  await press("#go-on");
  await onScreen("practice");
  await press("#practise");
  const practice = payment("ch_1", { needs_pin: false, lines: [line("practice", "PRACTICE", "This is practice")] });
  backend.change({ requests: [practice] });
  await onScreen("request");
  expect((await see("#practice")).textContent).toContain("This is practice");
  await ready();
  await press("#approve");
  await onScreen("requests");
});

it("opens the request whose notification was tapped, once it is there", async () => {
  const backend = new FakeBackend({ requests: [payment("ch_1"), payment("ch_2")] }).withWaker("on");
  const { container } = render(App, { props: { backend } });
  const shown = () => container.querySelector("main")?.dataset["screen"];
  await waitFor(() => expect(shown()).toBe("requests"));
  backend.tap("ch_3");
  expect(shown()).toBe("requests");
  backend.change({ requests: [payment("ch_1"), payment("ch_2"), payment("ch_3")] });
  await waitFor(() => expect(shown()).toBe("request"));
});
