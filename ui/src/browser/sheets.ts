// The sentence before the system's own sheet, which names neither amount nor purpose. After three times a person knows it.

import type { Here } from "../backend/backend";
import type { PendingRequest } from "../backend/types";
import { formatMoney } from "../format/money";
import type { Locale } from "../words/words";
import { browserWords } from "./words/words";

const KEY = "sheets";
const TIMES = 3;

function counted(): number {
  try {
    return Number(localStorage.getItem(KEY)) || 0;
  } catch {
    // A browser that keeps nothing: told each time.
    return 0;
  }
}

export function countSheet(): void {
  try {
    localStorage.setItem(KEY, String(Math.min(TIMES, counted() + 1)));
  } catch {
    // Told once more.
  }
}

/** For a request that the screen lock approves, with its own amount; without a request, for setting up. */
export function sheetSentence(request: PendingRequest | undefined, locale: Locale, here: Here): string | undefined {
  const words = browserWords(locale, here).sheet;
  if (!request) return words.setUp;
  if (request.needs_pin || counted() >= TIMES) return undefined;
  const amounts = request.lines.filter(({ role, type }) => role === "amount" && type === "money");
  const [only] = amounts;
  const amount = amounts.length === 1 && only?.type === "money" ? formatMoney(only.value, locale) : undefined;
  return words.approve(words.kind[request.kind], amount);
}
