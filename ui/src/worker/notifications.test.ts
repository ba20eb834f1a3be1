import { expect, it } from "vitest";

import { notificationWords } from "../words/notifications";
import { FakeRegistration, lookAt } from "./fake";
import { showLook } from "./notifications";

const words = notificationWords("en");
const NOON = Date.UTC(2026, 10, 29, 12);

it("says in the provider's name that something waits and until when, and nothing of what", async () => {
  const to = new FakeRegistration();
  expect(await showLook(to, lookAt(["ch_1"]), words, NOON)).toBe(true);
  const [{ title, body, tag, data, silent } = {}] = to.shown;
  expect([title, body, tag, silent]).toEqual(["Example Bank", words.waits(words.time(NOON + 60_000)), "ac_1", false]);
  expect(data).toEqual({ requests: ["ch_1"], at: NOON });
  await showLook(to, lookAt(["ch_1"], true, null), words, NOON);
  expect(to.shown[1]?.body).toBe(words.waits());
});

it("says of a second one how many wait: silently within a minute, aloud later", async () => {
  const to = new FakeRegistration();
  await showLook(to, lookAt(["ch_1"]), words, NOON);
  await showLook(to, lookAt(["ch_1", "ch_2"]), words, NOON + 59_000);
  await showLook(to, lookAt(["ch_1", "ch_2", "ch_3"]), words, NOON + 180_000);
  await showLook(to, lookAt(["ch_2", "ch_3"]), words, NOON + 400_000);
  expect(to.shown.map(({ silent }) => silent)).toEqual([false, true, false, true]);
  expect(to.shown[1]?.body).toContain("2 wait");
  expect(to.open.size).toBe(1);
});

it("takes back what was answered elsewhere, in the same place and without a sound", async () => {
  const to = new FakeRegistration();
  await showLook(to, lookAt(["ch_1"]), words, NOON);
  expect(await showLook(to, lookAt([]), words, NOON + 5_000)).toBe(true);
  expect(to.open.get("ac_1")).toMatchObject({ body: words.nothingWaits, silent: true });
  expect(await showLook(to, lookAt([]), words, NOON + 9_000), "said once").toBe(false);
  await showLook(to, lookAt(["ch_2"]), words, NOON + 10_000);
  expect(to.open.get("ac_1")?.silent, "the next one is heard").toBe(false);
});

it("leaves what it shows as it is where who asks was not reached", async () => {
  const to = new FakeRegistration();
  await showLook(to, lookAt(["ch_1"]), words, NOON);
  expect(await showLook(to, lookAt([], false), words, NOON)).toBe(false);
  expect(to.open.get("ac_1")?.body).toContain("Something waits");
});

it("speaks the language of the browser", () => {
  expect(notificationWords("de-AT").nothingWaits).toBe("Nichts wartet. Sie müssen nichts tun.");
  expect(notificationWords("fr").nothingWaits).toBe(words.nothingWaits);
});
