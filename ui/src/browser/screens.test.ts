// The browser's own screens in the whole page, over a fake backend.

import { cleanup, fireEvent, render, waitFor } from "@testing-library/svelte";
import { afterEach, expect, it, vi } from "vitest";

import App from "../App.svelte";
import { account, FakeBackend, linkPreview } from "../backend/fake";
import type { Snapshot } from "../backend/types";
import { en } from "../words/en";
import { fakeBrowser } from "./fake";
import { browserWords } from "./words/words";

const LINK = "https://id.acme.example/push/enroll#the.registration.token";
const words = browserWords("en", "computer");

afterEach(() => {
  cleanup();
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

function openPage(abilities: Parameters<typeof fakeBrowser>[1] = {}, overrides: Partial<Snapshot> = {}) {
  const backend = new FakeBackend({ accounts: [], ...overrides });
  const browser = fakeBrowser(backend, abilities);
  const { container } = render(App, { props: { backend, browser } });
  const see = async <E extends HTMLElement = HTMLElement>(css: string) => {
    await waitFor(() => expect(container.querySelector(css), css).not.toBeNull());
    return container.querySelector<E>(css) as E;
  };
  const press = async (css: string) => fireEvent.click(await see(`${css}:not([aria-disabled=true])`));
  const onScreen = (expected: string) => see(`main[data-screen="${expected}"]`);
  return { backend, container, see, press, onScreen };
}

it("leads out of an app's own browser with the link that it came with", async () => {
  const writeText = vi.fn(async () => undefined);
  const userAgent = "Mozilla/5.0 (Linux; Android 16; wv)";
  vi.stubGlobal("navigator", { userAgent, maxTouchPoints: 5, language: "en", clipboard: { writeText } });
  const { see, press, onScreen, backend } = openPage(
    { link: LINK, first: "elsewhere" },
    { link_waiting: true, link_revision: 1 },
  );
  await onScreen("elsewhere");
  expect((await see<HTMLAnchorElement>("#open-elsewhere")).getAttribute("href")).toContain(
    "#the.registration.token#Intent;",
  );
  expect((await see("#link-shown")).textContent).toBe(LINK);
  await see("svg[role=img] path");
  await press("#copy-link");
  expect(writeText).toHaveBeenCalledWith(LINK);
  await waitFor(async () => expect((await see("#copied")).textContent).toBe(words.elsewhere.copied));
  expect(backend.calls).toEqual([]);
  // Whoever must, goes on here.
  await press("#stay");
  await onScreen("preview");
});

it("says that a link could not be copied, and shows it", async () => {
  const clipboard = { writeText: () => Promise.reject(new DOMException("", "NotAllowedError")) };
  vi.stubGlobal("navigator", { userAgent: "iPhone", maxTouchPoints: 5, language: "en", clipboard });
  const { see, press } = openPage({ link: LINK, first: "elsewhere" });
  expect((await see("#open-elsewhere")).getAttribute("href")).toBe(`x-safari-${LINK}`);
  await press("#copy-link");
  await waitFor(async () => expect((await see("#copied")).textContent).toBe(words.elsewhere.notCopied));
  expect((await see<HTMLDetailsElement>("details")).open).toBe(true);
});

it("leaves an app's browser alone that is the device already", async () => {
  const { onScreen } = openPage({ first: "elsewhere" }, { accounts: [account()] });
  await onScreen("requests");
});

it("says that there is no screen lock, looks again, or goes on with a PIN", async () => {
  const abilities = { lock: "absent" as "absent" | "ready" };
  const { press, see, onScreen, backend } = openPage(abilities, { link_waiting: true, link_revision: 1 });
  await press("#confirm");
  await onScreen("no-screen-lock");
  await press("#check-lock");
  await waitFor(async () => expect((await see("#problem")).textContent).toBe(words.noLock.still));
  abilities.lock = "ready";
  await press("#check-lock");
  await onScreen("preview");
  abilities.lock = "absent";
  await press("#confirm");
  await press("#choose-pin");
  await onScreen("pin-new");
  expect(backend.calls.map(([call]) => call)).toEqual(["preview", "preview"]);
});

it("speaks of no screen lock where the provider takes no passkeys", async () => {
  const { backend, press, onScreen } = openPage({ lock: "absent" }, { link_waiting: true, link_revision: 1 });
  backend.onPreview = () => linkPreview({ takes_passkeys: false });
  await press("#confirm");
  await onScreen("pin-new");
});

it("looks at a pasted link again once there is a screen lock", async () => {
  const abilities = { lock: "absent" as "absent" | "ready" };
  const { press, see, onScreen, backend } = openPage(abilities);
  await press("#have-link");
  const link = `${location.origin}/push/enroll#a.b.c`;
  await fireEvent.input(await see("#link"), { target: { value: link } });
  await press("#continue");
  await press("#confirm");
  abilities.lock = "ready";
  await press("#check-lock");
  await onScreen("preview");
  expect(backend.calls).toEqual([
    ["preview", link],
    ["preview", link],
  ]);
});

it("names the provider as it calls itself, above the domain that it can prove", async () => {
  const { see } = openPage({ name: "Example Bank" }, { link_waiting: true, link_revision: 1 });
  expect((await see("#preview-name")).textContent).toBe(en.preview.callsItself("Example Bank"));
  cleanup();
  const { see: seeNext } = openPage({ name: "acme.example" }, { link_waiting: true, link_revision: 1 });
  await seeNext("#preview-domain");
  expect(document.querySelector("#preview-name")).toBeNull();
});

it("says before enrolling that this browser forgets", async () => {
  const { see } = openPage({ forgets: true }, { link_waiting: true, link_revision: 1 });
  expect((await see("#forgets")).textContent).toBe(words.forgets);
});

it("attack_a_link_of_another_origin_is_not_fetched", async () => {
  const { press, see, backend } = openPage();
  await press("#have-link");
  await fireEvent.input(await see("#link"), { target: { value: "https://evil.example/push/enroll#a.b.c" } });
  await press("#continue");
  await waitFor(async () => expect((await see("#problem")).textContent).toContain("evil.example"));
  expect(backend.calls).toEqual([]);
});

it("says after a reload that the link was forgotten", async () => {
  const { see, onScreen } = openPage({ linkLost: true });
  await onScreen("link");
  expect((await see("#link-lost")).textContent).toBe(words.linkLost);
});

it("shows whose link is looked at, and after a second that it goes on", async () => {
  vi.useFakeTimers({ shouldAdvanceTime: true });
  const backend = new FakeBackend({ accounts: [] });
  backend.snapshot = () => new Promise(() => undefined);
  const { container } = render(App, { props: { backend, browser: fakeBrowser(backend, { link: LINK }) } });
  await waitFor(() => expect(container.textContent).toContain(words.starting.link));
  expect(container.querySelector("progress")).toBeNull();
  await vi.advanceTimersByTimeAsync(1_000);
  await waitFor(() => expect(container.querySelector("progress")).not.toBeNull());
});

it("tells a page that did not load, and tries again with the same link", async () => {
  const backend = new FakeBackend({ accounts: [], link_waiting: true, link_revision: 1 });
  const loaded = backend.snapshot;
  backend.snapshot = () => Promise.reject(new TypeError("Failed to fetch"));
  const browser = fakeBrowser(backend, { link: LINK });
  const { container, getByRole, getByText } = render(App, { props: { backend, browser } });
  await waitFor(() => expect(container.querySelector("[data-screen=not-loaded]")).not.toBeNull());
  expect(getByText(words.notLoaded.link)).toBeTruthy();
  backend.snapshot = loaded;
  await fireEvent.click(getByRole("button", { name: words.notLoaded.again }));
  await waitFor(() => expect(container.querySelector("[data-screen=preview]")).not.toBeNull());
});

it("says before the system's sheet what it is for while a phone is set up", async () => {
  const { backend, press, see } = openPage({}, { link_waiting: true, link_revision: 1 });
  backend.onPreview = () => linkPreview({ confirm: false, passkey: true });
  backend.enroll = () => new Promise(() => undefined);
  await press("#confirm");
  await waitFor(async () => expect((await see("#working")).textContent).toBe(words.sheet.setUp));
  expect((await see("#confirm")).textContent).toBe(en.preview.confirm);
});

/** A camera that sees what the test holds before it. */
function holdUp(...codes: string[]) {
  const tracks = [{ stop: vi.fn() }];
  const getUserMedia = async () => ({ getTracks: () => tracks });
  vi.stubGlobal("navigator", { language: "en", mediaDevices: { getUserMedia } });
  vi.spyOn(HTMLMediaElement.prototype, "play").mockResolvedValue(undefined);
  class Detector {
    static getSupportedFormats = async () => ["qr_code"];
    detect = async () => codes.splice(0, 1).map((rawValue) => ({ rawValue }));
  }
  vi.stubGlobal("BarcodeDetector", Detector);
  return tracks;
}

it("takes a link of its own from the camera, and turns it off", async () => {
  const link = `${location.origin}/push/enroll#a.b.c`;
  const tracks = holdUp("", link);
  const { press, onScreen, backend } = openPage();
  await press("#have-code");
  await onScreen("preview");
  expect(backend.calls).toEqual([["preview", link]]);
  await waitFor(() => expect(tracks[0]?.stop).toHaveBeenCalled());
});

it("attack_a_code_of_another_origin_is_only_named", async () => {
  holdUp("https://evil.example/push/enroll#a.b.c");
  const { press, see, backend } = openPage();
  await press("#have-code");
  await waitFor(async () => expect((await see("#other")).textContent).toContain("evil.example"));
  expect(backend.calls).toEqual([]);
});

it.each(["WIFI:T:WPA;S:home;P:secret;;", "javascript:alert(1)#x", "https://id.acme.example/"])(
  "says of another code that it is none (%s)",
  async (code) => {
    holdUp(code.replace("https://id.acme.example", location.origin));
    const { press, see, backend } = openPage();
    await press("#have-code");
    await waitFor(async () => expect((await see("#other")).textContent).toBe(words.scan.noLink));
    expect(backend.calls).toEqual([]);
  },
);

it("says that the camera is refused, and leads to the link", async () => {
  const getUserMedia = () => Promise.reject(new DOMException("", "NotAllowedError"));
  vi.stubGlobal("navigator", { language: "en", mediaDevices: { getUserMedia } });
  const { press, see, onScreen } = openPage();
  await press("#have-code");
  expect((await see("#problem")).textContent).toBe(words.scan.problem.refused);
  await press("#paste");
  await onScreen("link");
});

it("says what to do with a new phone", async () => {
  const { press, container } = openPage();
  await press("#new-phone");
  await waitFor(() => expect(container.querySelectorAll("ol li")).toHaveLength(3));
  await press("#back-home");
  await waitFor(() => expect(container.querySelector("#new-phone")).not.toBeNull());
});
