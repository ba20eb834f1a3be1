// State of the page: the newest snapshot, the current screen, and the transitions between screens.

import { failureOf, type Answer, type Backend } from "../backend/backend";
import type {
  AccountLine,
  AnswerResult,
  Appearance,
  EnrollmentResult,
  Failure,
  ActivityEntry,
  LinkPreview,
  PendingRequest,
  RequestResult,
  Snapshot,
} from "../backend/types";
import type { BrowserScreen, BrowserSide } from "../browser/browser";
import type { BrowserWords } from "../browser/words/words";
import { catalogue, localeOf, type Locale, type Words } from "../words/words";

export type Tab = "requests" | "accounts" | "activity" | "settings";

export type AppScreen =
  | { name: "starting" | "trouble" | "welcome" | "link" | "pin-new" | BrowserScreen | Tab }
  | { name: "preview"; preview: LinkPreview }
  | { name: "code" | "wake" | "practice"; accountId: string }
  | { name: "request"; request: PendingRequest }
  | { name: "not-me"; result: AnswerResult; request: PendingRequest }
  | { name: "past"; entry: ActivityEntry };

/** Screens that a link from outside may replace. */
const IDLE: ReadonlySet<AppScreen["name"]> = new Set(["starting", "welcome", "requests", "accounts"]);

/** Screens on which the person has begun nothing. */
const NOTHING_BEGUN: ReadonlySet<AppScreen["name"]> = new Set([
  "welcome",
  "requests",
  "accounts",
  "activity",
  "settings",
]);

/** Screens that the first snapshot replaces. */
const OPENING: ReadonlySet<AppScreen["name"]> = new Set(["starting", "not-loaded", "trouble"]);

export class AppState {
  snapshot = $state.raw<Snapshot | undefined>();
  screen = $state.raw<AppScreen>({ name: "starting" });
  /** How the newest request ended; shown until the next result. */
  lastResult = $state.raw<RequestResult | undefined>();
  /** How the request before the current one ended, when an answer led straight from one to the other. */
  previousResult = $state.raw<RequestResult | undefined>();
  /** `performance.now()`, refreshed every 250 ms. */
  now = $state(0);

  #receivedAt = 0;
  /** Requests that the person left unanswered. Not reactive: read on transitions alone. */
  // eslint-disable-next-line svelte/prefer-svelte-reactivity
  #leftUnanswered = new Set<string>();
  /** The revision of the newest link that was opened. */
  #linkSeen = 0;
  #newestResult: string | undefined;
  /** The request of a tapped notification, until it is there. */
  #tapped: string | undefined;

  /**
   * Set by a screen that has a step of its own to go back from, or that must not be left now; says whether that is all. Not reactive:
   * read when Back is pressed alone.
   */
  innerBack: (() => boolean) | undefined;
  /** Numbers typed into requests that the person then left: Back loses nothing. Not reactive. */
  // eslint-disable-next-line svelte/prefer-svelte-reactivity
  readonly typedNumbers = new Map<string, string>();
  #preview: LinkPreview | undefined;
  /** The link that was pasted or scanned, until it is used: it may have to be looked at again. */
  #link: string | undefined;

  constructor(
    readonly backend: Backend,
    /** Where this page is the device itself, in a browser. */
    readonly browser?: BrowserSide,
  ) {}

  /** Subscribes to snapshots; the returned function unsubscribes. */
  start(): () => void {
    this.now = performance.now();
    const timer = setInterval(() => (this.now = performance.now()), 250);
    let unsubscribe: (() => void) | undefined;
    let stopped = false;
    void this.backend
      .watch((snapshot) => this.receive(snapshot))
      .then((unwatch) => {
        if (stopped) unwatch();
        else unsubscribe = unwatch;
      });
    this.backend.waker?.onOpen((challengeId) => {
      this.#tapped = challengeId;
      this.#openTapped();
    });
    document.documentElement.lang = this.locale;
    if (this.browser?.first) this.screen = { name: this.browser.first };
    const unfollow = this.browser?.follow(this);
    void this.load();
    return () => {
      stopped = true;
      unfollow?.();
      clearInterval(timer);
      unsubscribe?.();
    };
  }

  /** Asks for the first snapshot, or once more where something did not load. */
  async load(): Promise<void> {
    if (this.screen.name === "not-loaded") this.screen = { name: "starting" };
    try {
      this.receive(await this.backend.snapshot());
    } catch {
      if (this.screen.name === "starting") this.screen = { name: this.browser ? "not-loaded" : "trouble" };
    }
  }

  /** Whether nothing would be lost if the page were opened anew. */
  get isIdle(): boolean {
    return NOTHING_BEGUN.has(this.screen.name) && !this.snapshot?.link_waiting;
  }

  get locale(): Locale {
    return this.snapshot?.locale ?? localeOf(navigator.language);
  }

  get browserWords(): BrowserWords | undefined {
    return this.browser?.words(this.locale);
  }

  get words(): Words {
    return catalogue(this.locale, this.backend.here);
  }

  /** Requests that are not held back, the oldest deadline first. */
  /** What the account's provider is called: the name on its own page, else its host. */
  providerName(account: AccountLine | undefined): string {
    return this.browser?.name ?? account?.host ?? "";
  }

  get waiting(): PendingRequest[] {
    return this.snapshot?.requests.filter((request) => !request.held) ?? [];
  }

  get held(): PendingRequest[] {
    return this.snapshot?.requests.filter((request) => request.held) ?? [];
  }

  /**
   * Milliseconds until the request expires, counted down since the snapshot; 0 once it is gone, `undefined` while the
   * provider's clock is not known.
   */
  millisLeft(request: PendingRequest): number | undefined {
    const fresh = this.snapshot?.requests.find(({ id }) => id === request.id);
    if (!fresh) return 0;
    return fresh.left_ms === null ? undefined : Math.max(0, fresh.left_ms - (this.now - this.#receivedAt));
  }

  isOpen(id: string): boolean {
    return this.snapshot?.requests.some((request) => request.id === id) ?? false;
  }

  resultOf(id: string): RequestResult | undefined {
    return this.snapshot?.results.find((result) => result.id === id);
  }

  receive(snapshot: Snapshot): void {
    if (this.snapshot && snapshot.revision < this.snapshot.revision) return;
    const before = this.snapshot;
    this.snapshot = snapshot;
    this.#receivedAt = performance.now();
    this.now = this.#receivedAt;
    document.documentElement.lang = snapshot.locale;
    document.documentElement.dataset["appearance"] = snapshot.appearance;
    const newest = snapshot.results[0];
    if (newest && newest.id !== this.#newestResult) this.lastResult = newest;
    this.#newestResult = newest?.id;
    this.#chooseScreen(before);
  }

  #chooseScreen(before: Snapshot | undefined): void {
    const snapshot = this.snapshot;
    if (!snapshot) return;
    // Of the browser's own: they stand until the person leaves them. With an account an app's own browser is the device already.
    const isStarted = this.screen.name === "elsewhere" && snapshot.accounts.length > 0 && !snapshot.link_waiting;
    if (isStarted) this.home();
    else if (this.screen.name === "elsewhere" || this.screen.name === "diagnostics") return;
    if (snapshot.trouble) {
      this.screen = { name: "trouble" };
      return;
    }
    if (OPENING.has(this.screen.name)) {
      if (this.browser?.linkLost) this.screen = { name: "link" };
      else this.home();
    }
    if (
      snapshot.link_waiting &&
      snapshot.link_revision !== this.#linkSeen &&
      IDLE.has(this.screen.name) &&
      !this.waiting.length
    ) {
      this.#linkSeen = snapshot.link_revision;
      this.screen = { name: "link" };
      return;
    }
    if (this.#openTapped() || this.#openPractice()) return;
    // Nothing moves under a finger: only a request that arrives in an empty list opens by itself.
    const wasEmpty = !before || before.requests.every((request) => request.held);
    const [only, ...others] = this.waiting;
    if (this.screen.name === "requests" && wasEmpty && only && !others.length && !this.#leftUnanswered.has(only.id))
      this.open(only);
  }

  /** The person tapped its notification: that is what they want to see now. */
  #openTapped(): boolean {
    const request = this.snapshot?.requests.find(({ id }) => id === this.#tapped);
    if (!request) return false;
    this.#tapped = undefined;
    this.open(request);
    return true;
  }

  /** The practice request that the person started, and waits for. */
  #openPractice(): boolean {
    const current = this.screen;
    if (current.name !== "practice") return false;
    const request = this.waiting.find(
      ({ account, lines }) => account === current.accountId && lines.some(({ role }) => role === "practice"),
    );
    if (request) this.open(request);
    return request !== undefined;
  }

  /** After an account was set up: being woken and practice, where it can be; else the requests. */
  settle(accountId: string): void {
    const waking = this.snapshot?.accounts.find(({ account }) => account === accountId)?.waking ?? null;
    if (!this.backend.waker || waking === null || waking === "not_pushed") this.go("requests");
    else this.screen = { name: waking === "on" ? "practice" : "wake", accountId };
  }

  /** The first screen: the requests, or the welcome without an account. */
  home(): void {
    this.screen = { name: this.snapshot?.accounts.length ? "requests" : "welcome" };
  }

  /** One step back, as the browser's Back button means it. A link stays in memory, and so does what was typed. */
  back(): void {
    if (this.innerBack?.()) return;
    const current = this.screen;
    if (current.name === "request") this.leave(current.request);
    else if (current.name === "past") this.go("activity");
    else if (current.name === "diagnostics") this.stay();
    else if ((current.name === "pin-new" || current.name === "no-screen-lock") && this.#preview)
      this.screen = { name: "preview", preview: this.#preview };
    else this.home();
  }

  go(tab: Tab): void {
    this.screen = { name: tab };
  }

  open(request: PendingRequest): void {
    this.previousResult = undefined;
    this.screen = { name: "request", request };
  }

  /** Goes back to the list without an answer; the request stays there and does not open by itself again. */
  leave(request: PendingRequest): void {
    this.#leftUnanswered.add(request.id);
    this.go("requests");
  }

  /** After an answer: the next request, or the list. */
  next(after: PendingRequest): void {
    const next = this.waiting.find((request) => request.id !== after.id && !this.#leftUnanswered.has(request.id));
    if (next) {
      this.open(next);
      this.previousResult = this.resultOf(after.id);
    } else this.go("requests");
  }

  /** Leaves a screen of the browser's own for what the snapshot says. */
  stay(): void {
    this.screen = { name: "starting" };
    if (this.snapshot) this.#chooseScreen(this.snapshot);
  }

  async addAccount(): Promise<void> {
    this.screen = { name: "link" };
  }

  /** Looks at this link, else at the one that was looked at last or handed over from outside. */
  async preview(link = this.#link): Promise<Failure | undefined> {
    return this.#try(async () => {
      if (this.snapshot) this.#linkSeen = this.snapshot.link_revision;
      const preview = await this.backend.preview(link);
      this.#link = link;
      this.#preview = preview;
      this.screen = { name: "preview", preview };
    });
  }

  /** Goes on from a verified link: a key of the screen lock at once, else a PIN; where there is no lock yet, that is said first. */
  async setUp(preview: LinkPreview): Promise<Failure | undefined> {
    if (preview.passkey) return this.enroll(undefined, this.snapshot?.suggested_device_name ?? "");
    const isMissing = preview.takes_passkeys && (await this.browser?.screenLock()) === "absent";
    this.screen = { name: isMissing ? "no-screen-lock" : "pin-new" };
    return undefined;
  }

  async enroll(pin: string | undefined, deviceName: string): Promise<Failure | undefined> {
    return this.#enrolled(this.backend.enroll(pin, deviceName));
  }

  /** By a passkey that this person has for this page: with the link that was looked at, or without any. */
  async enrollAgain(withLink: boolean): Promise<Failure | undefined> {
    const [known, deviceName] = [this.backend.knownPasskey, this.snapshot?.suggested_device_name ?? ""];
    if (!known) return undefined;
    return this.#enrolled(withLink ? known.enroll(deviceName) : known.resume(deviceName));
  }

  async #enrolled(enrolling: Promise<EnrollmentResult>): Promise<Failure | undefined> {
    return this.#try(async () => {
      const enrolled = await enrolling;
      this.#forget();
      if (enrolled.confirmation_code === null) {
        this.receive(await this.backend.snapshot());
        this.settle(enrolled.account);
      } else this.screen = { name: "code", accountId: enrolled.account };
    });
  }

  async cancelEnrolling(): Promise<void> {
    this.#forget();
    await this.#try(() => this.backend.forgetLink());
    this.home();
  }

  #forget(): void {
    this.#link = undefined;
    this.#preview = undefined;
  }

  /** Sends the answer and goes to the next screen; returns the failure, if any, and stays. */
  async answer(
    request: PendingRequest,
    choice: Omit<Answer, "challengeId" | "displayHash">,
  ): Promise<Failure | undefined> {
    return this.#try(async () => {
      const result = await this.backend.answer({
        challengeId: request.id,
        displayHash: request.display_hash,
        ...choice,
      });
      this.typedNumbers.delete(request.id);
      // The answered request leaves the list before the next one is chosen.
      this.receive(await this.backend.snapshot());
      if (choice.decision === "not_me") this.screen = { name: "not-me", result, request };
      else this.next(request);
    });
  }

  async setAppearance(appearance: Appearance): Promise<void> {
    document.documentElement.dataset["appearance"] = appearance;
    await this.#try(() => this.backend.setAppearance(appearance));
  }

  async #try(action: () => Promise<void>): Promise<Failure | undefined> {
    try {
      await action();
      return undefined;
    } catch (thrown) {
      return failureOf(thrown);
    }
  }
}
