// `Backend` over the device's module, where this page is the device itself.

import type { Backend, Waker } from "./backend";
import type { PushTrial, Snapshot } from "./types";
import type { WorkerMessage } from "./workerMessages";

/** For how long a push that was tried is waited for, in milliseconds. */
const ARRIVAL_MS = 10_000;

/** The app in the module (crates/web). Its promises are rejected with a `Failure`. */
export interface WebApp {
  free(): void;
  watch(listener: (snapshot: Snapshot) => void): void;
  is_busy(): boolean;
  snapshot(): Promise<Snapshot>;
  offer_link(link: string): Promise<void>;
  preview(link?: string): ReturnType<Backend["preview"]>;
  enroll(pin: string | undefined, deviceName: string): ReturnType<Backend["enroll"]>;
  enroll_again(deviceName: string): ReturnType<Backend["enroll"]>;
  may_resume(issuer: string): Promise<boolean>;
  resume(issuer: string, deviceName: string): ReturnType<Backend["enroll"]>;
  forget_link(): Promise<void>;
  shown(challengeId: string): Promise<void>;
  answer(
    challengeId: string,
    displayHash: string,
    decision: string,
    pin?: string,
    number?: string,
  ): ReturnType<Backend["answer"]>;
  check_now(): Promise<void>;
  activity(): ReturnType<Backend["activity"]>;
  dispute(challengeId: string): Promise<void>;
  save_evidence(challengeId: string): Promise<string>;
  set_appearance(appearance: string): Promise<void>;
  wake(account: string): ReturnType<Waker["wake"]>;
  practise(account: string): Promise<void>;
  test_push(account: string): Promise<PushTrial>;
  look_to_push(): Promise<void>;
}

/** The module, as wasm-bindgen makes it for a page. */
export interface DeviceModule {
  default(): Promise<unknown>;
  /** Opens the device; with `wait`, once no other page is the device. */
  WebApp: { open(wait: boolean): Promise<WebApp> };
}

/** That a link is in use, for this tab when it is loaded again: that and no more, for the link is a secret. */
const linkInUse = {
  wasThere(): boolean {
    try {
      return sessionStorage.getItem("link") === "in use";
    } catch {
      return false;
    }
  },
  remember(): void {
    try {
      sessionStorage.setItem("link", "in use");
    } catch {
      // Not said then.
    }
  },
  forget(): void {
    try {
      sessionStorage.removeItem("link");
    } catch {
      // Was not said.
    }
  },
};

/** The end of the address of a screen for whoever helps. */
export const DIAGNOSTICS = "#diagnostics";

/** The device in this page: opened while the page is visible, and given up when it is hidden and nothing is under way. */
class DevicePage {
  #load: () => Promise<DeviceModule>;
  #module: Promise<DeviceModule> | undefined;
  /** Commands that have begun: while there is one, the app is not given up. */
  #running = 0;
  #app: Promise<WebApp> | undefined;
  #listeners = new Set<(snapshot: Snapshot) => void>();
  /** The revision that those of the present app are counted from: the page takes no lower one than it had. */
  #base = 0;
  #newest = 0;
  /** A link that this page was opened with, until it is used. */
  #link: string | undefined;
  #linkLost = linkInUse.wasThere();

  constructor(load: () => Promise<DeviceModule>) {
    this.#load = load;
    this.#takeLink();
    addEventListener("hashchange", () => {
      this.#takeLink();
      void this.#app?.then((app) => this.#offerLink(app)).catch(() => undefined);
    });
    document.addEventListener("visibilitychange", () => {
      if (document.hidden) void this.#rest();
      // Who asks for something next is told why it can't be opened.
      else void this.open().catch(() => undefined);
    });
    // The device would try again by itself, in up to half a minute.
    addEventListener("online", () => {
      if (!document.hidden) void this.run((app) => app.check_now()).catch(() => undefined);
    });
  }

  /** The app, opened where it is not. */
  open(): Promise<WebApp> {
    this.#app ??= this.#opened().catch((thrown: unknown) => {
      // The next call tries again: the network may be back.
      this.#app = undefined;
      throw thrown;
    });
    return this.#app;
  }

  async #opened(): Promise<WebApp> {
    const device = await this.#device();
    return this.#use(await device.WebApp.open(false));
  }

  #device(): Promise<DeviceModule> {
    const loaded = async () => {
      const module = await this.#load();
      await module.default();
      return module;
    };
    this.#module ??= loaded().catch((thrown: unknown) => {
      this.#module = undefined;
      throw thrown;
    });
    return this.#module;
  }

  watch(listener: (snapshot: Snapshot) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  snapshot(): Promise<Snapshot> {
    return this.run(async (app) => this.#counted(await app.snapshot()));
  }

  /** Runs a command, after which a hidden page may rest. */
  async run<T>(command: (app: WebApp) => Promise<T>): Promise<T> {
    this.#running += 1;
    try {
      return await command(await this.open());
    } finally {
      this.#running -= 1;
      if (document.hidden) void this.#rest();
    }
  }

  forgetLink(): void {
    this.#link = undefined;
    this.#linkLost = false;
    linkInUse.forget();
  }

  /** With this page's own address: another browser is at the device at once. */
  get link(): string | undefined {
    const token = this.#link?.split("#")[1];
    return token === undefined ? undefined : `${location.origin}${location.pathname}#${token}`;
  }

  get linkLost(): boolean {
    return this.#linkLost && this.#link === undefined;
  }

  async #use(app: WebApp): Promise<WebApp> {
    this.#base = this.#newest;
    await this.#offerLink(app);
    const { trouble } = await app.snapshot();
    app.watch((snapshot) => {
      const counted = this.#counted(snapshot);
      for (const listener of this.#listeners) listener(counted);
    });
    if (trouble?.code === "home_in_use") void this.#takeOver(app);
    return app;
  }

  /** Becomes the device once the page that is it now is hidden or closed. */
  async #takeOver(before: WebApp): Promise<void> {
    const device = await this.#device();
    const app = await device.WebApp.open(true);
    if ((await this.#app) !== before || document.hidden) return app.free();
    this.#app = this.#use(app);
    before.free();
  }

  async #rest(): Promise<void> {
    const opened = this.#app;
    const app = await opened?.catch(() => undefined);
    if (!app || this.#app !== opened || !document.hidden || this.#running > 0 || app.is_busy()) return;
    this.#app = undefined;
    app.free();
  }

  #counted(snapshot: Snapshot): Snapshot {
    const revision = this.#base + snapshot.revision;
    this.#newest = Math.max(this.#newest, revision);
    return { ...snapshot, revision };
  }

  /** Takes a link's token out of the address bar at once: it is a secret until it is used. */
  #takeLink(): void {
    // The one other thing that the page's address may end with.
    if (location.hash.length < 2 || location.hash === DIAGNOSTICS) return;
    this.#link = new URL("../push/enroll", location.href.split("#")[0]).href + location.hash;
    history.replaceState(history.state, "", location.pathname + location.search);
    linkInUse.remember();
  }

  async #offerLink(app: WebApp): Promise<void> {
    // What is no link, is none: the person can paste one.
    if (this.#link !== undefined) await app.offer_link(this.#link).catch(() => undefined);
  }
}

/** What the worker tells this page, and what the page asks to be woken. */
class PageWaker implements Waker {
  #page: DevicePage;
  #arrived = new Set<() => void>();
  #listener: ((challengeId: string) => void) | undefined;
  /** The request of a notification that this page was opened by, until somebody listens. */
  #asked: string | undefined;

  constructor(page: DevicePage) {
    this.#page = page;
    const address = new URL(location.href);
    this.#asked = address.searchParams.get("open") ?? undefined;
    if (this.#asked !== undefined) history.replaceState(null, "", location.pathname);
    navigator.serviceWorker?.addEventListener("message", (event) => this.#receive(event.data as WorkerMessage));
    // The person may change it in the browser's own settings, beside the page.
    const watching = navigator.permissions?.query({ name: "notifications" });
    void watching?.then((permission) => (permission.onchange = () => this.#lookToPush())).catch(() => undefined);
  }

  wake = (account: string) => this.#page.run((app) => app.wake(account));
  practise = (account: string) => this.#page.run((app) => app.practise(account));

  tryPush = async (account: string) => {
    const began = performance.now();
    let listener: () => void = () => undefined;
    const arrival = new Promise<number>((resolve) => {
      listener = () => resolve(Math.round(performance.now() - began));
      this.#arrived.add(listener);
    });
    try {
      const trial = await this.#page.run((app) => app.test_push(account));
      const late = new Promise<null>((resolve) => setTimeout(() => resolve(null), ARRIVAL_MS));
      return { ...trial, arrived_ms: trial.accepted_ms === null ? null : await Promise.race([arrival, late]) };
    } finally {
      this.#arrived.delete(listener);
    }
  };

  onOpen(listener: (challengeId: string) => void): void {
    this.#listener = listener;
    if (this.#asked !== undefined) listener(this.#asked);
    this.#asked = undefined;
  }

  #receive(message: WorkerMessage): void {
    if ("open" in message) {
      if (message.open !== null) this.#listener?.(message.open);
    } else if ("subscription" in message) this.#lookToPush();
    else for (const arrived of this.#arrived) arrived();
  }

  #lookToPush(): void {
    // A hidden page looks when it is opened next.
    if (!document.hidden) void this.#page.run((app) => app.look_to_push()).catch(() => undefined);
  }
}

/** Whether it is held in the hand: a finger points, and nothing else. */
function isPhone(): boolean {
  return matchMedia("(hover: none) and (pointer: coarse)").matches;
}

/** The backend of a page that is the device itself. */
export interface WebBackend extends Backend {
  /** The link that this page was opened with, until it is used. */
  link(): string | undefined;
  /** Whether there was one when the page was loaded again: the link is a secret and was in memory alone. */
  readonly linkLost: boolean;
}

/** The provider whose page this is: the page lies right below it. */
function issuer(): string {
  return new URL("..", location.href).href.replace(/\/$/, "");
}

/** The backend of a page that is the device; `load` brings its module. */
export function web(load: () => Promise<DeviceModule>): WebBackend {
  const page = new DevicePage(load);
  const enrolled = (enroll: (app: WebApp) => ReturnType<Backend["enroll"]>) =>
    page.run(async (app) => {
      const result = await enroll(app);
      page.forgetLink();
      // Asks the browser not to clear this page's keys when space is short; it may say no.
      void navigator.storage?.persist?.().catch(() => undefined);
      return result;
    });
  return {
    here: isPhone() ? "phone" : "computer",
    link: () => page.link,
    get linkLost() {
      return page.linkLost;
    },
    waker: new PageWaker(page),
    snapshot: () => page.snapshot(),
    watch: async (listener) => page.watch(listener),
    preview: (link) =>
      page.run(async (app) => {
        const preview = await app.preview(link);
        linkInUse.remember();
        return preview;
      }),
    enroll: (pin, deviceName) => enrolled((app) => app.enroll(pin, deviceName)),
    knownPasskey: {
      enroll: (deviceName) => enrolled((app) => app.enroll_again(deviceName)),
      mayResume: () => page.run((app) => app.may_resume(issuer())),
      resume: (deviceName) => enrolled((app) => app.resume(issuer(), deviceName)),
    },
    forgetLink: () =>
      page.run((app) => {
        page.forgetLink();
        return app.forget_link();
      }),
    shown: (challengeId) => page.run((app) => app.shown(challengeId)),
    answer: ({ challengeId, displayHash, decision, pin, number }) =>
      page.run((app) => app.answer(challengeId, displayHash, decision, pin, number)),
    checkNow: () => page.run((app) => app.check_now()),
    activity: () => page.run((app) => app.activity()),
    dispute: (challengeId) => page.run((app) => app.dispute(challengeId)),
    saveEvidence: (challengeId) => page.run((app) => app.save_evidence(challengeId)),
    setAppearance: (appearance) => page.run((app) => app.set_appearance(appearance)),
  };
}
