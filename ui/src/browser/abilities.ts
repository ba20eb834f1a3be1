// What this browser can do, asked before anything is made.

import type { ScreenLock } from "./browser";

/** A browser that keeps what a page has gives it more than this; a private window or a full disk does not. */
const SMALL_QUOTA = 2 * 1024 ** 3;

export function hasPasskeys(): boolean {
  return typeof PublicKeyCredential === "function";
}

export async function screenLock(): Promise<ScreenLock> {
  if (!hasPasskeys()) return "unknown";
  const asked = PublicKeyCredential.isUserVerifyingPlatformAuthenticatorAvailable();
  return (await asked.catch(() => false)) ? "ready" : "absent";
}

/**
 * Whether the browser soon forgets what this page keeps. That a page's storage is not persistent is ordinary before its first use; with
 * a small quota besides, it is a private window or no space. Asked in this order, for some browsers put the last question to the person.
 */
export async function forgets(): Promise<boolean> {
  const storage = navigator.storage as StorageManager | undefined;
  if (!storage?.estimate) return false;
  try {
    if (await storage.persisted()) return false;
    const { quota } = await storage.estimate();
    if (quota === undefined || quota >= SMALL_QUOTA) return false;
    return !(await storage.persist());
  } catch {
    // What keeps nothing at all may refuse even the question.
    return true;
  }
}
