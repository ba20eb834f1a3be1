import { afterEach, beforeEach, expect, it, vi } from "vitest";

import { notificationWords } from "../words/notifications";
import { opened } from "./click";
import { fakeDevice, FakePage, FakeWorker, lookAt } from "./fake";
import { pushed, subscriptionChanged } from "./push";

const words = notificationWords("en");

beforeEach(() => {
  vi.useFakeTimers({ shouldAdvanceTime: true });
});

afterEach(() => {
  vi.useRealTimers();
});

it("looks once, shows what waits, and sees to the subscription", async () => {
  const worker = new FakeWorker();
  const { calls, load } = fakeDevice(lookAt(["ch_1"]));
  await pushed(worker.scope, load);
  expect(worker.registration.shown.map(({ title }) => title)).toEqual(["Example Bank"]);
  expect(calls).toEqual(["look", "look_to_push", "free"]);
});

it("says that nothing waits where it looked and found nothing", async () => {
  const worker = new FakeWorker();
  await pushed(worker.scope, fakeDevice(lookAt([])).load);
  expect(worker.registration.shown).toMatchObject([{ body: words.nothingWaits, silent: true }]);
});

it.each([
  ["a page keeps the device", undefined],
  ["the records can't be read", new Error("damaged")],
  ["who asks is not reached", lookAt([], false)],
  ["there is no account", { accounts: [] }],
])("says that something may be waiting where %s", async (_, found) => {
  const worker = new FakeWorker();
  await pushed(worker.scope, fakeDevice(found).load);
  expect(worker.registration.shown.map(({ body }) => body)).toEqual([words.somethingMayWait]);
});

it("says so within ten seconds where nothing comes back at all", async () => {
  const worker = new FakeWorker();
  const running = pushed(worker.scope, () => new Promise(() => undefined));
  await vi.advanceTimersByTimeAsync(9_900);
  expect(worker.registration.shown.map(({ body }) => body)).toEqual([words.somethingMayWait]);
  void running;
});

it("shows nothing beside a page that is looked at, which hears of the push", async () => {
  const worker = new FakeWorker();
  const page = new FakePage(true, "visible");
  worker.pages = [page];
  const { calls, load } = fakeDevice(lookAt(["ch_1"]));
  await pushed(worker.scope, load);
  expect([worker.registration.shown, calls, page.told]).toEqual([[], [], [{ pushed: true }]]);
  worker.pages = [new FakePage(false, "hidden")];
  await pushed(worker.scope, load);
  expect(worker.registration.shown.length).toBe(1);
});

it("leads from a tap to that request, on a page that is open or a new one", async () => {
  const worker = new FakeWorker();
  await pushed(worker.scope, fakeDevice(lookAt(["ch_1"])).load);
  const [shown] = worker.registration.shown;
  const notification = { data: shown?.data, close: vi.fn() } as unknown as Notification;
  await opened(worker.scope, notification);
  expect(worker.openedWindows).toEqual(["https://id.example/device/?open=ch_1"]);
  const page = new FakePage(false, "hidden");
  worker.pages = [page];
  await opened(worker.scope, notification);
  expect([page.told, page.wasFocused]).toEqual([[{ open: "ch_1" }], true]);
});

it("sees to a changed subscription, or has the page do it that is the device", async () => {
  const worker = new FakeWorker();
  const page = new FakePage(true, "visible");
  worker.pages = [page];
  const { calls, load } = fakeDevice(lookAt([]));
  await subscriptionChanged(worker.scope, load);
  expect([calls, page.told]).toEqual([["look", "look_to_push", "free"], []]);
  await subscriptionChanged(worker.scope, fakeDevice(undefined).load);
  expect(page.told).toEqual([{ subscription: true }]);
});

it("looks by the same device where pushes come close together", async () => {
  const worker = new FakeWorker();
  const { calls, load } = fakeDevice(lookAt(["ch_1"]));
  await Promise.all([pushed(worker.scope, load), pushed(worker.scope, load)]);
  expect(calls.filter((call) => call === "free").length).toBe(1);
  expect(worker.registration.shown.map(({ body }) => body)).not.toContain(words.somethingMayWait);
  await pushed(worker.scope, load);
  expect(calls.filter((call) => call === "free").length).toBe(2);
});
