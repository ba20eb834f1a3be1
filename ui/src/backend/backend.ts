// What the page can ask of the app. The page knows this interface and nothing behind it.

import type {
  AnswerResult,
  Appearance,
  Decision,
  EnrollmentResult,
  Failure,
  ActivityEntry,
  LinkPreview,
  Snapshot,
} from "./types";

export interface Answer {
  challengeId: string;
  displayHash: string;
  decision: Decision;
  pin?: string;
  number?: string;
}

/** Every promise is rejected with a `Failure` and nothing else. */
export interface Backend {
  snapshot(): Promise<Snapshot>;
  /** Hears every snapshot from now on; the result stops that. */
  watch(listener: (snapshot: Snapshot) => void): Promise<() => void>;
  /** Verifies a pasted link; without one, the link that waits. The link never comes back. */
  preview(link?: string): Promise<LinkPreview>;
  enroll(pin: string, deviceName: string): Promise<EnrollmentResult>;
  forgetLink(): Promise<void>;
  shown(challengeId: string): Promise<void>;
  answer(answer: Answer): Promise<AnswerResult>;
  checkNow(): Promise<void>;
  activity(): Promise<ActivityEntry[]>;
  dispute(challengeId: string): Promise<void>;
  /** Says where the file is. */
  saveEvidence(challengeId: string): Promise<string>;
  setAppearance(appearance: Appearance): Promise<void>;
}

/** What was thrown, as a failure; anything else is a fault of the program. */
export function failureOf(thrown: unknown): Failure {
  if (typeof thrown === "object" && thrown !== null && "code" in thrown && typeof thrown.code === "string") {
    return thrown as Failure;
  }
  return { code: "unexpected", message: String(thrown) };
}
