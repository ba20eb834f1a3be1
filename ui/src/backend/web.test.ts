import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import { FakeBackend } from "./fake";

import type { Failure, Snapshot } from "./types";
import { web, type DeviceModule, type WebApp, type WebBackend } from "./web";
import type { WorkerMessage } from "./workerMessages";

const IN_USE: Failure = { code: "home_in_use", message: "" };

/** The app of one opening, with what a test has it say. */
class FakeApp implements WebApp {
  readonly backend: FakeBackend;
  links: string[] = [];
  busy = false;
  freed = false;
  constructor(overrides: Partial<Snapshot> = {}) {
    this.backend = new FakeBackend(overrides);
  }
  free = () => void (this.freed = true);
  watch = (listener: (snapshot: Snapshot) => void) => {
    listener(this.backend.state);
    void this.backend.watch(listener);
  };
  is_busy = () => this.busy;
  snapshot = () => this.backend.snapshot();
  offer_link = async (link: string) => void this.links.push(link);
  preview = (link?: string) => this.backend.preview(link);
  enroll = (pin: string | undefined, deviceName: string) => this.backend.enroll(pin, deviceName);
  enroll_again = (deviceName: string) => this.backend.enroll("again", deviceName);
  may_resume = async (issuer: string) => issuer === location.origin;
  resume = (issuer: string, deviceName: string) => this.backend.enroll(`at ${issuer}`, deviceName);
  forget_link = () => this.backend.forgetLink();
  shown = (id: string) => this.backend.shown(id);
  answer = (challengeId: string, displayHash: string, decision: string, pin?: string, number?: string) =>
    this.backend.answer({
      challengeId,
      displayHash,
      decision: decision as "approve",
      ...(pin === undefined ? {} : { pin }),
      ...(number === undefined ? {} : { number }),
    });
  check_now = () => this.backend.checkNow();
  activity = () => this.backend.activity();
  dispute = (id: string) => this.backend.dispute(id);
  save_evidence = (id: string) => this.backend.saveEvidence(id);
  set_appearance = (appearance: string) => this.backend.setAppearance(appearance as "dark");
  asked: string[] = [];
  wake = async (account: string) => {
    this.asked.push(`wake ${account}`);
    return "on" as const;
  };
  practise = async (account: string) => void this.asked.push(`practise ${account}`);
  /** What the push service does with a push. */
  accepted_ms: number | null = 40;
  test_push = async () => ({ queued_ms: 3, accepted_ms: this.accepted_ms, service: "push.example.net" });
  look_to_push = async () => void this.asked.push("look_to_push");
}

/** A module that opens these apps one after the other; with `wait`, when the test says so. */
class FakeModule implements DeviceModule {
  opened = 0;
  #free: (() => void) | undefined;
  constructor(readonly apps: FakeApp[]) {}
  default = async () => undefined;
  WebApp = {
    open: async (wait: boolean): Promise<WebApp> => {
      if (wait) await new Promise<void>((resolve) => (this.#free = resolve));
      const app = this.apps[this.opened++];
      if (!app) throw new Error("opened once too often");
      return app;
    },
  };
  /** The page that was the device is not any more. */
  release = () => this.#free?.();
}

/** Whether the fingers of this page's person are all that points. */
let isTouched = false;
vi.stubGlobal("matchMedia", () => ({ matches: isTouched }));

function pageWith(...apps: FakeApp[]): { backend: WebBackend; module: FakeModule } {
  const module = new FakeModule(apps);
  return { backend: web(async () => module), module };
}

function hide(hidden: boolean) {
  vi.spyOn(document, "hidden", "get").mockReturnValue(hidden);
  document.dispatchEvent(new Event("visibilitychange"));
}

/** Everything that waits for nothing but promises. */
const settled = () => new Promise((resolve) => setTimeout(resolve, 0));

let pages: AbortController;

// A page lasts as long as its document; here each test ends its own.
beforeEach(() => {
  pages = new AbortController();
  const { signal } = pages;
  const targets: EventTarget[] = [document, window];
  for (const target of targets) {
    const listen = target.addEventListener.bind(target);
    vi.spyOn(target, "addEventListener").mockImplementation((type, listener) => listen(type, listener, { signal }));
  }
});

afterEach(() => {
  sessionStorage.clear();
  pages.abort();
  history.replaceState(null, "", "/");
});

it("opens the device once, and passes commands on", async () => {
  const app = new FakeApp();
  const { backend, module } = pageWith(app);
  expect((await backend.snapshot()).version).toBe("0.1.0");
  await backend.enroll(undefined, "Phone");
  await backend.answer({ challengeId: "ch_1", displayHash: "h", decision: "approve", number: "42" });
  expect(module.opened).toBe(1);
  expect(app.backend.calls).toEqual([
    ["enroll", undefined, "Phone"],
    ["answer", { challengeId: "ch_1", displayHash: "h", decision: "approve", number: "42" }],
  ]);
});

it("checks at once when the browser is back on line, and is looked at", async () => {
  const app = new FakeApp();
  const { backend } = pageWith(app);
  await backend.snapshot();
  const checked = vi.fn(async () => undefined);
  app.check_now = checked;
  dispatchEvent(new Event("online"));
  await settled();
  expect(checked).toHaveBeenCalledTimes(1);
  vi.spyOn(document, "hidden", "get").mockReturnValue(true);
  dispatchEvent(new Event("online"));
  await settled();
  expect(checked).toHaveBeenCalledTimes(1);
  vi.spyOn(document, "hidden", "get").mockReturnValue(false);
});

it("asks its own provider, right above the page, whether a known passkey may go on", async () => {
  history.replaceState(null, "", "/tenant/device/");
  const app = new FakeApp();
  const { backend } = pageWith(app);
  await backend.knownPasskey?.resume("Phone");
  expect(app.backend.calls).toEqual([["enroll", `at ${location.origin}/tenant`, "Phone"]]);
});

it("rejects with the app's failure", async () => {
  const app = new FakeApp();
  app.backend.failure = { code: "history_broken", message: "" };
  await expect(pageWith(app).backend.dispute("ch_1")).rejects.toEqual({ code: "history_broken", message: "" });
});

it("takes a link out of the address bar at once and keeps it until it is used", async () => {
  history.replaceState(null, "", "/tenant/device/#the.registration.token");
  const [first, second] = [new FakeApp(), new FakeApp()];
  const { backend } = pageWith(first, second);
  expect(location.href).not.toContain("token");
  expect(backend.link()).toBe(`${location.origin}/tenant/device/#the.registration.token`);
  await backend.snapshot();
  expect(first.links).toEqual([`${location.origin}/tenant/push/enroll#the.registration.token`]);
  await backend.enroll(undefined, "Phone");
  expect(backend.link()).toBeUndefined();
  hide(true);
  await settled();
  hide(false);
  await backend.snapshot();
  expect(second.links).toEqual([]);
});

it("gives the device up when it is hidden, and takes it again with higher revisions", async () => {
  const [first, second] = [new FakeApp({ revision: 7 }), new FakeApp({ revision: 1 })];
  const { backend } = pageWith(first, second);
  const revisions: number[] = [];
  await backend.watch(({ revision }) => revisions.push(revision));
  await backend.snapshot();
  hide(true);
  await settled();
  expect(first.freed).toBe(true);
  hide(false);
  await backend.snapshot();
  expect(revisions).toEqual([7, 8]);
});

it("keeps the device while something is under way, and gives it up after that", async () => {
  const app = new FakeApp();
  const { backend } = pageWith(app);
  await backend.snapshot();
  app.busy = true;
  hide(true);
  await settled();
  expect(app.freed).toBe(false);
  app.busy = false;
  await backend.shown("ch_1");
  await settled();
  expect(app.freed).toBe(true);
});

it("says that another page is the device, and takes over when that ends", async () => {
  const [waiting, taken] = [new FakeApp({ trouble: IN_USE, revision: 1 }), new FakeApp({ revision: 1 })];
  const { backend, module } = pageWith(waiting, taken);
  const seen: (string | undefined)[] = [];
  await backend.watch(({ trouble }) => seen.push(trouble?.code));
  expect((await backend.snapshot()).trouble).toEqual(IN_USE);
  await settled();
  module.release();
  await settled();
  expect(waiting.freed).toBe(true);
  expect(seen).toEqual(["home_in_use", undefined]);
  expect((await backend.snapshot()).trouble).toBeNull();
});

it("does not take over while it is hidden", async () => {
  const [waiting, taken] = [new FakeApp({ trouble: IN_USE }), new FakeApp()];
  const { backend, module } = pageWith(waiting, taken);
  await backend.snapshot();
  await settled();
  hide(true);
  module.release();
  await settled();
  expect(taken.freed).toBe(true);
});

it.each([
  [true, "phone"],
  [false, "computer"],
])("says what it runs on as a person calls it (touched: %s)", (touched, here) => {
  isTouched = touched;
  expect(pageWith(new FakeApp()).backend.here).toBe(here);
});

it("knows after a reload that a link was in use, until it is used or given up, and never keeps the link", async () => {
  history.replaceState(null, "", "/device/#the.registration.token");
  expect(pageWith(new FakeApp()).backend.linkLost).toBe(false);
  expect(JSON.stringify({ ...sessionStorage, ...localStorage })).not.toContain("token");
  const { backend } = pageWith(new FakeApp());
  expect(backend.linkLost).toBe(true);
  await backend.forgetLink();
  expect(backend.linkLost).toBe(false);
  expect(pageWith(new FakeApp()).backend.linkLost).toBe(false);
});

it("takes the address of the screen for whoever helps for no link", async () => {
  history.replaceState(null, "", "/device/#diagnostics");
  expect(pageWith(new FakeApp()).backend.link()).toBeUndefined();
  expect(location.hash).toBe("#diagnostics");
});

describe("woken", () => {
  const worker = new EventTarget();
  const says = (data: WorkerMessage) => worker.dispatchEvent(new MessageEvent("message", { data }));

  beforeEach(() => {
    vi.stubGlobal("navigator", Object.create(navigator, { serviceWorker: { value: worker } }));
  });

  afterEach(() => {
    vi.unstubAllGlobals();
    vi.stubGlobal("matchMedia", () => ({ matches: isTouched }));
  });

  it("asks the device, and looks to a subscription that changed", async () => {
    const app = new FakeApp();
    const { waker } = pageWith(app).backend;
    expect(await waker?.wake("ac_1")).toBe("on");
    await waker?.practise("ac_1");
    says({ subscription: true });
    await settled();
    expect(app.asked).toEqual(["wake ac_1", "practise ac_1", "look_to_push"]);
  });

  it("measures a push until it arrives, and waits for none that was not taken", async () => {
    const app = new FakeApp();
    const { waker } = pageWith(app).backend;
    const trying = waker?.tryPush("ac_1");
    await settled();
    says({ pushed: true });
    const tried = await trying;
    expect(tried).toMatchObject({ queued_ms: 3, accepted_ms: 40 });
    expect(tried?.arrived_ms).toBeGreaterThanOrEqual(0);
    app.accepted_ms = null;
    expect((await waker?.tryPush("ac_1"))?.arrived_ms).toBeNull();
  });

  it("hands on the request of a tapped notification: that it was opened by, and those tapped later", async () => {
    history.replaceState(null, "", "/device/?open=ch_1");
    const { waker } = pageWith(new FakeApp()).backend;
    expect(location.search).toBe("");
    const asked: string[] = [];
    waker?.onOpen((id) => asked.push(id));
    says({ open: "ch_2" });
    says({ open: null });
    expect(asked).toEqual(["ch_1", "ch_2"]);
  });
});
