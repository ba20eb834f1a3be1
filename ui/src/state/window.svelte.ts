// What the window shows: the newest snapshot, the screen, and how one leads to the other.

import { failureOf, type Answer, type Backend } from "../backend/backend";
import type {
  AnswerResult,
  Appearance,
  Failure,
  ActivityEntry,
  LinkPreview,
  PendingRequest,
  RequestResult,
  Snapshot,
} from "../backend/types";
import { words, type Locale, type Words } from "../words/words";

export type Tab = "requests" | "accounts" | "activity" | "settings";

export type Screen =
  | { name: "starting" | "trouble" | "welcome" | "link" | "pin-new" | Tab }
  | { name: "preview"; preview: LinkPreview }
  | { name: "code"; account: string }
  | { name: "request"; request: PendingRequest }
  | { name: "not-me"; answered: AnswerResult; request: PendingRequest }
  | { name: "past"; past: ActivityEntry };

/** Screens on which nobody is in the middle of something. */
const IDLE: ReadonlySet<Screen["name"]> = new Set(["starting", "welcome", "requests", "accounts"]);

export class WindowState {
  snapshot = $state.raw<Snapshot | undefined>();
  screen = $state.raw<Screen>({ name: "starting" });
  /** The line that stays until the next one. */
  outcome = $state.raw<RequestResult | undefined>();
  /** How the request before this one ended, when one followed the other. */
  before = $state.raw<RequestResult | undefined>();
  /** Milliseconds by the page's own clock, a few times a second. */
  now = $state(0);

  #receivedAt = 0;
  #left = new Set<string>();
  #linkSeen = 0;
  #newest: string | undefined;

  constructor(readonly backend: Backend) {}

  /** Begins to watch; the result stops it. */
  start(): () => void {
    this.now = performance.now();
    const timer = setInterval(() => (this.now = performance.now()), 250);
    let stop: (() => void) | undefined;
    let stopped = false;
    void this.backend
      .watch((snapshot) => this.take(snapshot))
      .then((unwatch) => {
        if (stopped) unwatch();
        else stop = unwatch;
      });
    void this.backend.snapshot().then(
      (snapshot) => this.take(snapshot),
      () => (this.screen = { name: "trouble" }),
    );
    return () => {
      stopped = true;
      clearInterval(timer);
      stop?.();
    };
  }

  get locale(): Locale {
    return this.snapshot?.locale ?? "en";
  }

  get words(): Words {
    return words(this.locale);
  }

  /** Requests that are not held back, the oldest deadline first. */
  get waiting(): PendingRequest[] {
    return this.snapshot?.requests.filter((request) => !request.held) ?? [];
  }

  get held(): PendingRequest[] {
    return this.snapshot?.requests.filter((request) => request.held) ?? [];
  }

  /** Milliseconds that a request has left, counted down since the snapshot. */
  leftOf(request: PendingRequest): number {
    const fresh = this.snapshot?.requests.find((open) => open.id === request.id);
    return fresh ? Math.max(0, fresh.left_ms - (this.now - this.#receivedAt)) : 0;
  }

  isOpen(id: string): boolean {
    return this.snapshot?.requests.some((open) => open.id === id) ?? false;
  }

  resultOf(id: string): RequestResult | undefined {
    return this.snapshot?.results.find((result) => result.id === id);
  }

  take(snapshot: Snapshot): void {
    if (this.snapshot && snapshot.revision < this.snapshot.revision) return;
    const before = this.snapshot;
    this.snapshot = snapshot;
    this.#receivedAt = performance.now();
    this.now = this.#receivedAt;
    document.documentElement.lang = snapshot.locale;
    document.documentElement.dataset["appearance"] = snapshot.appearance;
    const newest = snapshot.results[0];
    if (newest && newest.id !== this.#newest) this.outcome = newest;
    this.#newest = newest?.id;
    this.#move(before);
  }

  #move(before: Snapshot | undefined): void {
    const snapshot = this.snapshot;
    if (!snapshot) return;
    if (snapshot.trouble) {
      this.screen = { name: "trouble" };
      return;
    }
    if (this.screen.name === "starting" || this.screen.name === "trouble") this.home();
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
    // Nothing moves under a finger: only what comes into an empty list opens by itself.
    const wasEmpty = !before || before.requests.every((request) => request.held);
    const [only, ...others] = this.waiting;
    if (this.screen.name === "requests" && wasEmpty && only && !others.length && !this.#left.has(only.id))
      this.open(only);
  }

  /** Where a person begins: at requests, or at the welcome where there is no account. */
  home(): void {
    this.screen = { name: this.snapshot?.accounts.length ? "requests" : "welcome" };
  }

  go(tab: Tab): void {
    this.screen = { name: tab };
  }

  open(request: PendingRequest): void {
    this.before = undefined;
    this.screen = { name: "request", request };
  }

  /** Leaves a request unanswered; it stays in the list and does not open by itself again. */
  leave(request: PendingRequest): void {
    this.#left.add(request.id);
    this.go("requests");
  }

  /** After an answer: the next request, or the list. */
  next(after: PendingRequest): void {
    const next = this.waiting.find((request) => request.id !== after.id && !this.#left.has(request.id));
    if (next) {
      this.open(next);
      this.before = this.resultOf(after.id);
    } else this.go("requests");
  }

  async addAccount(): Promise<void> {
    this.screen = { name: "link" };
  }

  async preview(link?: string): Promise<Failure | undefined> {
    return this.#try(async () => {
      if (this.snapshot) this.#linkSeen = this.snapshot.link_revision;
      this.screen = { name: "preview", preview: await this.backend.preview(link) };
    });
  }

  async enroll(pin: string, deviceName: string): Promise<Failure | undefined> {
    return this.#try(async () => {
      const enrolled = await this.backend.enroll(pin, deviceName);
      if (enrolled.confirmation_code === null) this.go("requests");
      else this.screen = { name: "code", account: enrolled.account };
    });
  }

  async cancelEnrolling(): Promise<void> {
    await this.#try(() => this.backend.forgetLink());
    this.home();
  }

  /** Answers; says what went wrong, and otherwise goes on. */
  async answer(
    request: PendingRequest,
    said: Omit<Answer, "challengeId" | "displayHash">,
  ): Promise<Failure | undefined> {
    return this.#try(async () => {
      const answered = await this.backend.answer({
        challengeId: request.id,
        displayHash: request.display_hash,
        ...said,
      });
      // The list without it, before anything moves on.
      this.take(await this.backend.snapshot());
      if (said.decision === "not_me") this.screen = { name: "not-me", answered, request };
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
