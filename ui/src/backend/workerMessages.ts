// What the worker tells its pages, and what a notification carries. Types alone: both sides import them.

import type { Look } from "./types";

/** From the worker to a page. */
export type WorkerMessage =
  /** A notification was tapped: its request is to be shown, where it is known. */
  | { open: string | null }
  /** A push arrived. */
  | { pushed: true }
  /** The subscription changed, and the page is the device. */
  | { subscription: true };

/** What a notification carries. */
export interface NotificationData {
  /** The requests it speaks of, the most urgent first. */
  requests: string[];
  /** When it came, in milliseconds since the epoch. */
  at: number;
}

/** The device as the worker has it (crates/web): for one look, and without a way to an answer. */
export interface WokenDevice {
  free(): void;
  look(patience_ms: number): Promise<Look>;
  look_to_push(): Promise<void>;
}

/** The module as the worker loads it. */
export interface WorkerModule {
  default(source: { module_or_path: URL | Promise<Response> }): Promise<unknown>;
  WokenDevice: { open(patience_ms: number): Promise<WokenDevice | undefined> };
}
