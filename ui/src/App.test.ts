// The window's flows on a backend that is played: what is shown, what is asked of the app, and that nothing moves under a finger.

import { cleanup, fireEvent, render, waitFor } from "@testing-library/svelte";
import { afterEach, beforeEach, expect, it, vi } from "vitest";

import App from "./App.svelte";
import { account, FakeBackend, line, payment, result, signIn } from "./backend/fake";
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

/** The page over a played app, at its first screen. */
async function open(over: Partial<Snapshot> = {}) {
  const backend = new FakeBackend(over);
  const { container } = render(App, { props: { backend } });
  const find = <E extends HTMLElement = HTMLElement>(css: string) => container.querySelector<E>(css);
  const see = async <E extends HTMLElement = HTMLElement>(css: string) => {
    await waitFor(() => expect(find(css), css).not.toBeNull());
    return find<E>(css) as E;
  };
  const press = async (css: string) => fireEvent.click(await see(`${css}:not([aria-disabled=true])`));
  const fill = async (css: string, value: string) => fireEvent.input(await see(css), { target: { value } });
  const screen = (name: string) => see(`main[data-screen="${name}"]`);
  /** Half a second after a request came. */
  const ready = async () => {
    await waitFor(() => expect(backend.asked.some(([name]) => name === "shown")).toBe(true));
    await vi.advanceTimersByTimeAsync(600);
  };
  return { backend, container, find, see, press, fill, screen, ready };
}

it("leads from a pasted link to an account", async () => {
  const { backend, screen, press, fill, see } = await open({ accounts: [] });
  await screen("welcome");
  await press("#have-link");
  await fill("#link", " https://id.acme.example/push/enroll#token ");
  await press("#continue");
  await screen("preview");
  expect((await see("#preview-domain")).textContent).toBe("acme.example");
  await press("#confirm");
  await fill("#pin", "123456");
  await fill("#pin-again", "123457");
  await press("#enroll");
  expect((await see("#problem")).textContent).toBe(en.pin.differs);
  await fill("#pin-again", "123456");
  await press("#enroll");
  await screen("code");
  backend.change({ accounts: [account({ status: "unconfirmed", confirmation_code: "482913" })] });
  await waitFor(async () => expect((await see("#code")).textContent).toBe("482913"));
  backend.change({ accounts: [account()] });
  await waitFor(async () => expect((await see("#done")).textContent).toBe(en.done));
  expect((await see("#code")).textContent).toBe("482913");
  expect(backend.asked.map(([name]) => name)).toEqual(["preview", "enroll"]);
});

it("looks at a link that waits without being asked", async () => {
  const { backend, screen } = await open({ accounts: [], link_waiting: true, link_revision: 1 });
  await screen("preview");
  expect(backend.asked).toEqual([["preview", undefined]]);
});

it("approves a payment with a PIN, and hands back the hash of what it drew", async () => {
  const { backend, screen, press, fill, see, ready } = await open({ requests: [payment("ch_1")] });
  await screen("request");
  expect((await see("#approve")).getAttribute("aria-disabled")).toBe("true");
  await fireEvent.click(await see("#approve"));
  await ready();
  await press("#approve");
  await fill("#pin", "123456");
  await press("#pin-approve");
  await screen("requests");
  expect(backend.asked.at(-1)).toEqual([
    "answer",
    { challengeId: "ch_1", displayHash: "hash-of-ch_1", decision: "approve", pin: "123456" },
  ]);
  expect((await see("#outcome")).textContent).toContain("Approved");
});

it("says how many tries are left, and counts a wait down", async () => {
  const { backend, press, fill, see, ready } = await open({ requests: [payment("ch_1")] });
  backend.onAnswer = () => ({ code: "wrong_pin", message: "", tries_left: 6, wait_ms: 30_000 });
  await ready();
  await press("#approve");
  await fill("#pin", "000000");
  await press("#pin-approve");
  expect((await see("#problem")).textContent).toContain("6 tries");
  expect((await see<HTMLInputElement>("#pin")).value).toBe("");
  expect((await see("#wait")).textContent).toMatch(/0:3[01]/);
  await fill("#pin", "123456");
  expect((await see("#pin-approve")).getAttribute("aria-disabled")).toBe("true");
  await vi.advanceTimersByTimeAsync(31_000);
  await see("#pin-approve:not([aria-disabled=true])");
});

it("denies without a PIN, and tells what becomes of a client after This wasn’t me", async () => {
  const { backend, press, screen, see } = await open({ requests: [signIn("ch_1")] });
  await press("#not-me");
  await screen("not-me");
  expect((await see("#held-for")).textContent).toContain("Acme Support Desk is held back until");
  expect((await see("#support")).textContent).toContain("+49 30 23125 014");
  expect(backend.asked.at(-1)).toEqual([
    "answer",
    { challengeId: "ch_1", displayHash: "hash-of-ch_1", decision: "not_me" },
  ]);
});

it("keeps Approve inert until the number is whole", async () => {
  const { backend, press, fill, see, ready } = await open({ requests: [signIn("ch_1", { needs_pin: false })] });
  await ready();
  expect((await see("#approve")).getAttribute("aria-disabled")).toBe("true");
  expect((await see("#inert")).textContent).toBe(en.request.inertNumber);
  await fill("#number", "48 29-1");
  expect((await see("#approve")).getAttribute("aria-disabled")).toBe("true");
  await fill("#number", "48 29-13 7");
  await press("#approve");
  await waitFor(() => expect(backend.asked.at(-1)?.[1]).toMatchObject({ number: "482913" }));
});

it("wants what it does not know to be read once more", async () => {
  const unknown = payment("ch_1", { unrecognised: true, needs_pin: false });
  const { press, see, ready } = await open({ requests: [unknown] });
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
  const { backend, see, find, press, screen } = await open({ requests: [payment("ch_1")] });
  await screen("request");
  backend.change({ requests: [], results: [result("ch_1", { decision: null, outcome, by })] });
  await waitFor(async () => expect((await see("main[data-screen=request] #outcome")).textContent).toBe(words));
  expect(find("#approve")).toBeNull();
  await press("#done");
  await screen("requests");
});

it("never lets one request take another’s place", async () => {
  const { backend, see, screen } = await open({ requests: [payment("ch_1")] });
  await screen("request");
  backend.change({ requests: [signIn("ch_2", { left_ms: 1_000 }), payment("ch_1")] });
  await waitFor(async () => expect((await see(".last")).textContent).toContain(en.requests.more(1)));
  expect((await see("section[data-challenge]")).dataset["challenge"]).toBe("ch_1");
});

it("does not open by itself what a person has left", async () => {
  const { backend, press, screen, find } = await open({ requests: [payment("ch_1")] });
  await press("#back");
  await screen("requests");
  backend.change({ requests: [] });
  backend.change({ requests: [payment("ch_1")] });
  await vi.advanceTimersByTimeAsync(300);
  expect(find("main[data-screen=requests]")).not.toBeNull();
});

it("lists what is held back apart, and opens none of it", async () => {
  const { see, screen } = await open({ requests: [payment("ch_1", { held: true })] });
  await screen("requests");
  expect((await see("#held")).textContent).toContain("Held back (1)");
  await see("#empty");
});

it("says that it is offline and that an answer is kept", async () => {
  const offline = account({ offline_since: 1_790_000_000, offline_why: "unreachable" });
  const { see } = await open({ accounts: [offline], kept: [result("ch_1", { outcome: null })] });
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
  const { see, container } = await open({ requests: [payment("ch_1", { client_name: markup, lines })] });
  expect((await see("#message .verbatim")).textContent).toBe(markup);
  expect((await see("#client .verbatim")).textContent).toBe(markup);
  expect(container.querySelector("img, b")).toBeNull();
});

it("tells why the device can’t be opened", async () => {
  const { see, screen } = await open({ trouble: { code: "home_in_use", message: "process 7" } });
  await screen("trouble");
  expect((await see("main")).textContent).toContain(en.trouble.home_in_use);
});

it("drops a snapshot that comes late", async () => {
  const { backend, screen, find } = await open({ revision: 5 });
  await screen("requests");
  backend.state = { ...backend.state, revision: 3, requests: [payment("ch_1")] };
  backend.change({});
  await vi.advanceTimersByTimeAsync(300);
  expect(find("section[data-challenge]")).toBeNull();
});

it("has a word in every language for every code, and none for a code that it does not know", () => {
  expect(Object.keys(de.failure)).toEqual(Object.keys(en.failure));
  expect(en.failure.unknown("novelty")).toContain("novelty");
});
