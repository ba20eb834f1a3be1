import { afterEach, expect, it, vi } from "vitest";

import { forgets, screenLock } from "./abilities";

afterEach(() => vi.unstubAllGlobals());

function withStorage(stored: object | undefined) {
  vi.stubGlobal("navigator", { storage: stored });
}

const GIB = 1024 ** 3;
const storage = (persisted: boolean, quota: number | undefined, persist: boolean) => ({
  persisted: async () => persisted,
  estimate: async () => ({ quota }),
  persist: vi.fn(async () => persist),
});

it.each([
  ["kept for good", storage(true, GIB, false), false],
  ["ordinary, with room", storage(false, 60 * GIB, false), false],
  ["little room, kept when asked", storage(false, GIB, true), false],
  ["little room, and not kept", storage(false, GIB, false), true],
  ["no word about the room", storage(false, undefined, false), false],
  ["no storage manager", undefined, false],
])("a browser's storage: %s", async (_, stored, expected) => {
  withStorage(stored);
  expect(await forgets()).toBe(expected);
});

it("asks to be kept only where space is short: some browsers ask the person", async () => {
  const roomy = storage(false, 60 * GIB, true);
  withStorage(roomy);
  await forgets();
  expect(roomy.persist).not.toHaveBeenCalled();
});

it("takes a storage that refuses even the question for one that forgets", async () => {
  const refuse = () => Promise.reject(new DOMException("", "SecurityError"));
  withStorage({ persisted: refuse, estimate: refuse, persist: refuse });
  expect(await forgets()).toBe(true);
});

it.each([
  ["ready", true],
  ["absent", false],
])("a screen lock is %s", async (expected, answer) => {
  const passkeys = Object.assign(() => undefined, {
    isUserVerifyingPlatformAuthenticatorAvailable: async () => answer,
  });
  vi.stubGlobal("PublicKeyCredential", passkeys);
  expect(await screenLock()).toBe(expected);
});

it("knows of no screen lock where a browser has no passkeys", async () => {
  vi.stubGlobal("PublicKeyCredential", undefined);
  expect(await screenLock()).toBe("unknown");
});
