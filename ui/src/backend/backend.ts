// The interface between the page and the app. The page knows nothing behind it.

import type {
  AnswerResult,
  Appearance,
  Decision,
  EnrollmentResult,
  Failure,
  ActivityEntry,
  LinkPreview,
  PushTrial,
  Snapshot,
  WakeResult,
} from "./types";

export interface Answer {
  challengeId: string;
  displayHash: string;
  decision: Decision;
  pin?: string;
  number?: string;
}

/** What the page runs on, as a person calls it. */
export type Here = "computer" | "phone";

/** A push that was tried: how long each step took. */
export interface TriedPush extends PushTrial {
  /** From the call until it arrived here, in milliseconds; `null`: not within ten seconds. */
  arrived_ms: number | null;
}

/** What wakes a page that is closed. A window stays open, and has none. */
export interface Waker {
  /** Asks the person, subscribes, and tells who asks. To be called in a gesture. */
  wake(account: string): Promise<WakeResult>;
  practise(account: string): Promise<void>;
  tryPush(account: string): Promise<TriedPush>;
  /** Calls `listener` with each request whose notification was tapped. */
  onOpen(listener: (challengeId: string) => void): void;
}

/** Every promise is rejected with a `Failure` and nothing else. */
export interface Backend {
  readonly here: Here;
  readonly waker?: Waker;
  snapshot(): Promise<Snapshot>;
  /** Calls `listener` with every snapshot from now on; the returned function unsubscribes. */
  watch(listener: (snapshot: Snapshot) => void): Promise<() => void>;
  /** Verifies a pasted link or, without an argument, the one handed to the app from outside. The page never gets that link. */
  preview(link?: string): Promise<LinkPreview>;
  /** Without a PIN, where the preview says `passkey`: the screen lock takes its place. */
  enroll(pin: string | undefined, deviceName: string): Promise<EnrollmentResult>;
  /** Of a page in a browser: enrolling by a passkey that the person has for it already. */
  readonly knownPasskey?: KnownPasskey;
  forgetLink(): Promise<void>;
  shown(challengeId: string): Promise<void>;
  answer(answer: Answer): Promise<AnswerResult>;
  checkNow(): Promise<void>;
  activity(): Promise<ActivityEntry[]>;
  dispute(challengeId: string): Promise<void>;
  /** Resolves to the path of the file. */
  saveEvidence(challengeId: string): Promise<string>;
  setAppearance(appearance: Appearance): Promise<void>;
}

export interface KnownPasskey {
  /** With the link that was previewed, where the preview says `known_passkey`. */
  enroll(deviceName: string): Promise<EnrollmentResult>;
  /** Whether this page may become a device without a link. */
  mayResume(): Promise<boolean>;
  resume(deviceName: string): Promise<EnrollmentResult>;
}

/** The thrown value as a `Failure`; anything but a `Failure` is a bug and gets the code `unexpected`. */
export function failureOf(thrown: unknown): Failure {
  if (typeof thrown === "object" && thrown !== null && "code" in thrown && typeof thrown.code === "string") {
    return thrown as Failure;
  }
  return { code: "unexpected", message: String(thrown) };
}
