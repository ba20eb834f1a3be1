// Back in the whole page, over a fake backend.

import { cleanup, fireEvent, render, waitFor } from "@testing-library/svelte";
import { afterEach, beforeEach, expect, it, vi } from "vitest";

import App from "../App.svelte";
import { account, FakeBackend, signIn } from "../backend/fake";
import type { Snapshot } from "../backend/types";
import { fakeBrowser } from "./fake";

// jsdom's history lasts for the whole file: each test has an entry of its own.
beforeEach(() => {
  history.pushState(null, "", "/device/");
});

afterEach(() => {
  cleanup();
  vi.restoreAllMocks();
});

function openPage(overrides: Partial<Snapshot> = {}) {
  const backend = new FakeBackend(overrides);
  const { container } = render(App, { props: { backend, browser: fakeBrowser(backend, { lock: "ready" }) } });
  const see = async <E extends HTMLElement = HTMLElement>(css: string) => {
    await waitFor(() => expect(container.querySelector(css), css).not.toBeNull());
    return container.querySelector<E>(css) as E;
  };
  const press = async (css: string) => fireEvent.click(await see(`${css}:not([aria-disabled=true])`));
  const onScreen = (expected: string) => see(`main[data-screen="${expected}"]`);
  return { backend, see, press, onScreen };
}

it("leads from a tab to the requests, and not out of the page", async () => {
  const { press, onScreen } = openPage();
  await press("#nav-settings");
  await onScreen("settings");
  expect(history.state).toEqual({ inner: true });
  history.back();
  await onScreen("requests");
  expect(history.state).toBeNull();
});

it("leaves no step behind where a button of the page led back", async () => {
  const { press, onScreen } = openPage();
  await press("#nav-settings");
  await onScreen("settings");
  await press("#nav-requests");
  await onScreen("requests");
  await waitFor(() => expect(history.state).toBeNull());
});

it("keeps a link, step by step, and what was typed", async () => {
  const { press, onScreen, backend } = openPage({ accounts: [], link_waiting: true, link_revision: 1 });
  await press("#confirm");
  await onScreen("pin-new");
  history.back();
  await onScreen("preview");
  await waitFor(() => expect(history.state).toEqual({ inner: true }));
  history.back();
  await onScreen("welcome");
  await press("#have-link");
  await onScreen("preview");
  expect(backend.calls.map(([call]) => call)).toEqual(["preview", "preview"]);
});

it("leaves the PIN first, then the request, and keeps its number", async () => {
  const request = signIn("ch_1", { inert_ms: 0 });
  const { press, see, onScreen } = openPage({ accounts: [account()], requests: [request] });
  await fireEvent.input(await see("#number"), { target: { value: "123456" } });
  await press("#approve");
  await see("#pin");
  history.back();
  await see("#number");
  await waitFor(() => expect(history.state).toEqual({ inner: true }));
  history.back();
  await onScreen("requests");
  await press("[data-challenge=ch_1], [data-request=ch_1], main li button");
  expect((await see<HTMLInputElement>("#number")).value).toBe("123456");
});

it("leaves nothing while an answer is signed", async () => {
  const { backend, press, onScreen, see } = openPage({
    accounts: [account()],
    requests: [
      signIn("ch_1", { inert_ms: 0, needs_pin: false, interaction: { type: "boolean", choices: null, length: null } }),
    ],
  });
  backend.answer = () => new Promise(() => undefined);
  await press("#approve");
  history.back();
  await waitFor(() => expect(history.state).toEqual({ inner: true }));
  await onScreen("request");
  expect((await see("#deny")).getAttribute("aria-disabled")).toBe("true");
});

it("attack_no_entry_of_history_keeps_a_link", async () => {
  const pushed = vi.spyOn(history, "pushState");
  const { press, onScreen } = openPage();
  await press("#nav-settings");
  await onScreen("settings");
  pushed.mockClear();
  // A link opened where the page is: the entry is the browser's, and none is made on top before the link is taken out of it.
  location.hash = "#the.registration.token";
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(pushed).not.toHaveBeenCalled();
});
