// What the screens ask of the browser, where this page is the device itself. A window of the desktop has none of it, so none of its code
// either: `main.web.ts` alone brings an implementation.

import type { Component } from "svelte";

import type { PendingRequest } from "../backend/types";
import type { AppState } from "../state/app.svelte";
import type { Locale } from "../words/words";
import type { BrowserWords } from "./words/words";

/** Screens that only a browser has, and those that it shows in place of the window's. */
export type BrowserScreen =
  "starting" | "not-loaded" | "elsewhere" | "no-screen-lock" | "scan" | "new-phone" | "diagnostics";

/** What verifies a person here: the system's own lock, nothing yet, or nothing that this browser could ask. */
export type ScreenLock = "ready" | "absent" | "unknown";

export interface BrowserSide {
  /** The provider's name: whose page this is. */
  readonly name: string;
  readonly screens: Partial<Record<string, Component<{ appState: AppState }>>>;
  /** The screen that this page begins with, in place of what the snapshot says. */
  readonly first: BrowserScreen | undefined;
  /** Whether a link was in use when this page was loaded again: the link itself is a secret, and is not kept. */
  readonly linkLost: boolean;
  words(locale: Locale): BrowserWords;
  /** The link that this page was opened with, until it is used. */
  link(): string | undefined;
  /** The host of a link that another page must take: this one can reach its own origin alone. */
  otherHost(link: string): string | undefined;
  screenLock(): Promise<ScreenLock>;
  /** Whether the browser will soon forget what this page keeps, as a private window does. */
  forgets(): Promise<boolean>;
  /** The sentence before the system's own sheet, the first times. */
  sheetSentence(request: PendingRequest | undefined, locale: Locale): string | undefined;
  /** The system's sheet was opened once more. */
  countSheet(): void;
  /** Follows the state: its size, its history, its screens. */
  follow(appState: AppState): () => void;
  /** The screen changed. */
  screenChanged(appState: AppState): void;
}
