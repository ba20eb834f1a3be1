// A fake backend and fixtures for tests; no part of the bundle.

import type { Answer, Backend, Here, TriedPush, Waker } from "./backend";
import type {
  AccountLine,
  AnswerResult,
  EnrollmentResult,
  Failure,
  ActivityEntry,
  LinkPreview,
  PendingRequest,
  RequestResult,
  Role,
  Snapshot,
  TranscriptLine,
  WakeResult,
  Waking,
} from "./types";

export function line(
  role: Role,
  label: string,
  value: string,
  type: "text" | "date" | "account" | "section" = "text",
  prominence: 1 | 2 | 3 = 1,
  label_from?: string,
): TranscriptLine {
  return { role, label, value, type, prominence, from: "device", ...(label_from === undefined ? {} : { label_from }) };
}

export function linkPreview(overrides: Partial<LinkPreview> = {}): LinkPreview {
  return {
    issuer: "https://id.acme.example",
    domain: "acme.example",
    punycode: null,
    new_provider: true,
    subject_label: "Alice",
    test: false,
    confirm: true,
    passkey: false,
    takes_passkeys: true,
    known_passkey: false,
    ...overrides,
  };
}

export function account(overrides: Partial<AccountLine> = {}): AccountLine {
  return {
    account: "ac_1",
    issuer: "https://id.acme.example",
    host: "id.acme.example",
    domain: "acme.example",
    subject_label: "Alice",
    device_name: "Laptop",
    status: "active",
    since: null,
    unusable: null,
    can_approve: true,
    key_protection: "file_pin",
    test: false,
    offline_since: null,
    offline_why: null,
    checked_at: 1_790_000_000,
    pending: 0,
    replaced: false,
    confirmation_code: null,
    support: { phone: "+49 30 23125 014", url: null },
    waking: null,
    push: null,
    ...overrides,
  };
}

const WARNING =
  "Did you start this yourself, just now? If somebody on the phone told you to approve, or gave you a number, press Deny. Acme ID never does that.";

export function payment(id: string, overrides: Partial<PendingRequest> = {}): PendingRequest {
  return {
    id,
    account: "ac_1",
    subject: "alice",
    subject_label: "Alice",
    kind: "payment",
    seen: false,
    held: false,
    test: false,
    first_request: false,
    inert_ms: 500,
    client_name: "Acme Coffee",
    client_verified: true,
    provider_name: "Acme ID",
    provider_host: "id.acme.example",
    interaction: { type: "boolean", choices: null, length: null },
    needs_pin: true,
    left_ms: 102_000,
    unrecognised: false,
    display_hash: `hash-of-${id}`,
    locale: "en",
    lines: [
      line("kind", "Request", "Payment"),
      line("client", "From", "Acme Coffee"),
      line("provider", "Via", "Acme ID"),
      line("provider_address", "Address", "id.acme.example", "text", 2),
      {
        role: "amount",
        from: "challenge:/authorization_details_json/0/instructedAmount",
        label: "Amount",
        type: "money",
        value: { amount: "80.00", currency: "EUR" },
        prominence: 1,
      },
      line("payee", "To", "Acme Coffee, Berlin"),
      line("message", "Message from Acme Coffee", "POS terminal #14: Approve €80.00 at Acme Coffee?"),
      line("detail", "To account", "DE02100100109307118603", "account", 2),
      line("detail", "Reference", "Order 14", "text", 2),
      line("context", "Acme Coffee says: terminal", "14", "text", 3),
      line("client_id", "Client ID", "coffee-pos", "text", 3),
      line("asked_at", "Asked at", "2026-11-21T10:41:07Z", "date", 3),
      line("answer_until", "Answer before", "2026-11-21T10:46:07Z", "date", 2),
    ],
    ...overrides,
  };
}

export function signIn(id: string, overrides: Partial<PendingRequest> = {}): PendingRequest {
  return {
    ...payment(id),
    kind: "login",
    first_request: true,
    client_name: "Acme Support Desk",
    interaction: { type: "input_manual", choices: null, length: 6 },
    left_ms: 251_000,
    lines: [
      line("kind", "Request", "Sign-in"),
      line("client", "From", "Acme Support Desk"),
      line("first_request", "New to you", "Nothing approved for Acme Support Desk yet"),
      line("provider", "Via", "Acme ID"),
      line("provider_address", "Address", "id.acme.example", "text", 2),
      line("message", "Message from Acme Support Desk", "Case 20914"),
      line("number", "Enter the number that the other screen shows", "6 digits"),
      line("warning", "Before you answer", WARNING, "text", 2),
      line("scope", "Asks for", "openid", "text", 3),
      line("context", "Acme Support Desk says: place", "Lisbon", "text", 3),
      line("client_id", "Client ID", "support-desk", "text", 3),
      line("asked_at", "Asked at", "2026-11-21T10:41:07Z", "date", 3),
      line("answer_until", "Answer before", "2026-11-21T10:46:07Z", "date", 2),
    ],
    ...overrides,
  };
}

export function result(id: string, overrides: Partial<RequestResult> = {}): RequestResult {
  return {
    id,
    account: "ac_1",
    ref: "K7Q2-9FDM",
    kind: "payment",
    client_name: "Acme Coffee",
    amount: { amount: "4.20", currency: "EUR" },
    payee: "Acme Coffee, Berlin",
    decision: "approved",
    outcome: "approved",
    by: null,
    at: 1_790_000_467,
    ...overrides,
  };
}

export function activityEntry(id: string, overrides: Partial<ActivityEntry> = {}): ActivityEntry {
  const request = payment(id);
  return {
    id,
    account: "ac_1",
    ref: "K7Q2-9FDM",
    host: "id.acme.example",
    subject_label: "Alice",
    kind: "payment",
    client_name: "Acme Coffee",
    client_verified: true,
    message: "POS terminal #14",
    amount: { amount: "80.00", currency: "EUR" },
    issued_at: 1_790_000_000,
    stage: "ended",
    decision: "approved",
    answered_at: 1_790_000_020,
    outcome: "approved",
    by: null,
    lines: request.lines,
    can_dispute: true,
    has_evidence: true,
    ...overrides,
  };
}

/** A backend whose replies a test chooses, and that records its calls. */
export class FakeBackend implements Backend {
  here: Here = "computer";
  /** As in a browser, once a test asks for it. */
  waker: Waker | undefined;
  onWake: () => WakeResult | Failure = () => "on";
  onTryPush: () => TriedPush | Failure = () => ({
    queued_ms: 3,
    accepted_ms: 40,
    service: "push.example.net",
    arrived_ms: 210,
  });
  /** Taps a notification. */
  tap: (challengeId: string) => void = () => undefined;
  state: Snapshot;
  calls: [string, ...unknown[]][] = [];
  /** What `answer` replies. */
  onAnswer: (answer: Answer) => AnswerResult | Failure = (answer) => this.#acceptAnswer(answer);
  onPreview: (link?: string) => LinkPreview | Failure = () => linkPreview();
  onEnroll: () => EnrollmentResult | Failure = () => ({ account: "ac_1", confirmation_code: "482913" });
  /** What `activity` replies. */
  onActivity: () => ActivityEntry[] | Failure = () => [];
  #listeners = new Set<(snapshot: Snapshot) => void>();

  constructor(overrides: Partial<Snapshot> = {}) {
    this.state = {
      revision: 1,
      version: "0.1.0",
      locale: "en",
      appearance: "system",
      trouble: null,
      link_waiting: false,
      link_revision: 0,
      suggested_device_name: "Laptop",
      accounts: [account()],
      requests: [],
      kept: [],
      results: [],
      ...overrides,
    };
  }

  /** Makes it a page that can be woken, in this state. */
  withWaker(waking: Waking): this {
    this.state = { ...this.state, accounts: this.state.accounts.map((known) => ({ ...known, waking })) };
    this.waker = {
      wake: (id) => this.#reply("wake", this.onWake(), id),
      practise: (id) => this.#reply("practise", this.failure, id),
      tryPush: (id) => this.#reply("tryPush", this.onTryPush(), id),
      onOpen: (listener) => (this.tap = listener),
    };
    return this;
  }

  /** Changes the snapshot and notifies the listeners. */
  change(overrides: Partial<Snapshot>): void {
    this.state = { ...this.state, ...overrides, revision: this.state.revision + 1 };
    for (const listener of this.#listeners) listener(this.state);
  }

  #acceptAnswer({ challengeId, decision }: Answer): AnswerResult {
    const decided = decision === "approve" ? "approved" : "denied";
    const support = this.state.accounts[0]?.support ?? null;
    const held_until = decision === "not_me" ? 1_790_000_900 : null;
    const request = this.state.requests.find(({ id }) => id === challengeId);
    const ended = result(challengeId, { decision: decided, outcome: decided, client_name: request?.client_name ?? "" });
    const requests = this.state.requests.filter(({ id }) => id !== challengeId);
    this.change({ requests, results: [ended, ...this.state.results] });
    return { id: challengeId, decision: decided, outcome: decided, by: null, held_until, support };
  }

  async #reply<T>(method: string, reply: T | Failure, ...args: unknown[]): Promise<T> {
    this.calls.push([method, ...args]);
    if (typeof reply === "object" && reply !== null && "code" in reply) throw reply;
    return reply as T;
  }

  snapshot = async () => this.state;
  watch = async (listener: (snapshot: Snapshot) => void) => {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  };
  preview = (link?: string) => this.#reply("preview", this.onPreview(link), link);
  enroll = (pin: string | undefined, deviceName: string) => this.#reply("enroll", this.onEnroll(), pin, deviceName);
  knownPasskey = {
    enroll: (deviceName: string) => this.#reply("enrollAgain", this.onEnroll(), deviceName),
    mayResume: async () => this.mayResume,
    resume: (deviceName: string) => this.#reply("resume", this.onEnroll(), deviceName),
  };
  /** Whether its provider takes a known passkey without a link. */
  mayResume = false;
  forgetLink = () => this.#reply("forgetLink", undefined);
  shown = (id: string) => this.#reply("shown", undefined, id);
  answer = (answer: Answer) => this.#reply("answer", this.onAnswer(answer), answer);
  checkNow = () => this.#reply("checkNow", this.failure);
  activity = () => this.#reply("activity", this.onActivity());
  /** What `checkNow`, `dispute` and `saveEvidence` fail with. */
  failure: Failure | undefined;
  dispute = (id: string) => this.#reply("dispute", this.failure, id);
  saveEvidence = (id: string) =>
    this.#reply("saveEvidence", this.failure ?? `/home/alice/Downloads/countersign-${id}.json`, id);
  setAppearance = (appearance: Snapshot["appearance"]) => {
    this.change({ appearance });
    return this.#reply("setAppearance", undefined, appearance);
  };
}
