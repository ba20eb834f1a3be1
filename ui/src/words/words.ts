// Which words, and what a failure is called.

import type { Failure, RequestResult } from "../backend/types";
import { clock, left } from "../format/time";
import { money } from "../format/money";
import { de } from "./de";
import { en, type Words } from "./en";

export type { Words } from "./en";

export type Locale = "en" | "de";

const languages: Record<Locale, Words> = { en, de };

export function words(locale: Locale): Words {
  return languages[locale];
}

/** What happened and what to do, for a failure of any code. */
export function failureWords(failure: Failure, w: Words): string {
  const { code } = failure;
  if (code === "wrong_pin") return w.failure.wrong_pin(failure.tries_left ?? 0);
  if (code === "pin_wait") return w.failure.pin_wait(left(failure.wait_ms ?? 0));
  const known: Record<string, unknown> = w.failure;
  const text = Object.hasOwn(known, code) ? known[code] : undefined;
  return typeof text === "string" ? text : w.failure.unknown(code);
}

/** What a result was about: an amount and its payee, or a kind and its client. */
export function aboutWords(result: RequestResult, w: Words, locale: Locale): string {
  if (result.amount) return w.result.payment(money(result.amount, locale), result.payee ?? result.client_name);
  return w.result.other(w.kind[result.kind ?? "other"], result.client_name);
}

/** How it ended. */
export function endingWords(
  result: { outcome: RequestResult["outcome"]; by: RequestResult["by"]; client_name: string | null },
  w: Words,
): string {
  if (result.outcome === null) return w.ending.gone;
  if (result.outcome === "cancelled" && result.client_name) return w.result.cancelled(result.client_name);
  if (result.outcome === "answered_elsewhere" && result.by) return w.result.elsewhere(result.by);
  return w.ending[result.outcome];
}

/** The line that stays: "Approved € 4.20 to Acme Coffee · 10:41:07". */
export function resultWords(result: RequestResult, w: Words, locale: Locale): string {
  const [about, time] = [aboutWords(result, w, locale), clock(result.at, locale, true)];
  if (result.outcome === "approved" || result.outcome === "denied")
    return w.result.line(w.ending[result.outcome], about, time);
  return w.result.ended(about, endingWords(result, w), time);
}
