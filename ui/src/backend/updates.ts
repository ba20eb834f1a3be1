// A new version of the page: it takes over when nothing is begun here, and the page then opens anew, whole.

import { TAKE_OVER } from "../worker/messages";

/** What this page is. */
export interface PageState {
  /** Whether the person has begun nothing that would be lost. */
  idle(): boolean;
  reload(): void;
}

/**
 * Has a waiting version take over: at once where the page has just been opened, else when it is out of sight, so that nothing moves
 * under a finger. A page that is not controlled by a worker has nothing to take over from.
 */
export function followUpdates(
  workers: ServiceWorkerContainer,
  registration: ServiceWorkerRegistration,
  page: PageState,
) {
  let taking = false;
  const take = () => {
    if (!workers.controller || !registration.waiting || !page.idle()) return;
    taking = true;
    registration.waiting.postMessage(TAKE_OVER);
  };
  workers.addEventListener("controllerchange", () => {
    if (taking && page.idle()) page.reload();
  });
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) take();
  });
  registration.addEventListener("updatefound", () => {
    const found = registration.installing;
    found?.addEventListener("statechange", () => {
      if (found.state === "installed" && document.hidden) take();
    });
  });
  take();
}
