// The browser's Back button: one entry of history stands for "not at the first screen", so that Back leads there and not out of the page.
// No entry ever has an address of its own: none can hold a link.

import type { AppState } from "../state/app.svelte";

/** Screens from which Back leaves the page. */
const OUTERMOST: ReadonlySet<string> = new Set([
  "starting",
  "not-loaded",
  "trouble",
  "welcome",
  "requests",
  "elsewhere",
]);

const hasHash = () => location.hash.length > 1;
const isInner = () => (history.state as { inner?: unknown } | null)?.inner === true;

export class BackButton {
  #leaving = false;

  /** Follows Back until the returned function is called. */
  follow(appState: AppState): () => void {
    const back = () => {
      const isStepBack = !this.#leaving && !hasHash() && !isInner();
      this.#leaving = false;
      if (isStepBack) appState.back();
      // The person may be one step further out, and not at the first screen yet.
      this.screenChanged(appState);
    };
    addEventListener("popstate", back);
    return () => removeEventListener("popstate", back);
  }

  screenChanged(appState: AppState): void {
    // Whoever takes a link out of the address does so first: a new entry would keep it in the one below.
    if (hasHash()) return;
    const inner = !OUTERMOST.has(appState.screen.name);
    if (inner && !isInner() && !this.#leaving) history.pushState({ inner: true }, "");
    else if (!inner && isInner() && !this.#leaving) {
      // Left by a button of the page: Back would lead to the same screen again.
      this.#leaving = true;
      history.back();
    }
  }
}
