// A fake of the browser's side for tests; no part of the bundle.

import type { BrowserSide, ScreenLock } from "./browser";
import type { WebBackend } from "../backend/web";
import type { FakeBackend } from "../backend/fake";
import { browserSide } from "./side";

/** The real screens and words over a fake backend, with what this browser can do as a test says. */
export function fakeBrowser(
  backend: FakeBackend,
  abilities: {
    link?: string;
    linkLost?: boolean;
    first?: BrowserSide["first"];
    lock?: ScreenLock;
    forgets?: boolean;
    /** What the provider calls itself. */
    name?: string;
  } = {},
): BrowserSide {
  const web = Object.assign(backend, {
    link: () => abilities.link,
    linkLost: abilities.linkLost ?? false,
  }) as WebBackend;
  const side = browserSide(web);
  return Object.defineProperties(side, {
    name: { value: abilities.name ?? side.name },
    first: { value: abilities.first },
    screenLock: { value: async () => abilities.lock ?? "ready" },
    forgets: { value: async () => abilities.forgets ?? false },
  });
}
