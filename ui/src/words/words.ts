// Catalogues by locale, and sentences for failures and results.

import type { Here } from "../backend/backend";
import type { AccountLine, Failure, RequestResult } from "../backend/types";
import { formatDateTime, formatTime, formatTimeLeft } from "../format/time";
import { formatMoney } from "../format/money";
import { german } from "./de";
import { english, type Words } from "./en";

export type { Words } from "./en";

export type Locale = "en" | "de";

const languages: Record<Locale, Record<Here, Words>> = {
  en: { computer: english("computer"), phone: english("phone") },
  de: { computer: german("computer"), phone: german("phone") },
};

/** The catalogue's language for a browser's (BCP 47), before the app has said one. */
export function localeOf(tag: string): Locale {
  return tag.toLowerCase().split("-")[0] === "de" ? "de" : "en";
}

export function catalogue(locale: Locale, here: Here = "computer"): Words {
  return languages[locale][here];
}

/** What happened and what to do, by the failure's code; an unknown code is named. `who`: whose account it is about. */
export function failureText(failure: Failure, words: Words, who?: string): string {
  const { code } = failure;
  if (code === "wrong_pin") return words.failure.wrong_pin(failure.tries_left ?? 0);
  if (code === "pin_wait") return words.failure.pin_wait(formatTimeLeft(failure.wait_ms ?? 0));
  const known: Record<string, unknown> = words.failure;
  const text = Object.hasOwn(known, code) ? known[code] : undefined;
  if (typeof text === "function" && code !== "unknown") return (text as (who?: string) => string)(who);
  return typeof text === "string" ? text : words.failure.unknown(code);
}

/** What the scopes of a request mean, if a person can be told of each; their names stand beside it. */
export function scopesText(scope: string, words: Words): string | undefined {
  const known: Record<string, string> = words.scopes;
  const said = scope.split(" ").map((one) => (Object.hasOwn(known, one) ? known[one] : undefined));
  return said.every((text) => text !== undefined) ? said.join(", ") : undefined;
}

/** How long a request can still be answered. `undefined`: the provider's clock is not known yet. */
export function leftText(millis: number | undefined, words: Words): string {
  return millis === undefined ? words.request.leftUnknown : words.request.left(formatTimeLeft(millis));
}

/** Whether an account gets requests and can answer them. An unconfirmed one waits for its code; that is no trouble. */
export function takesPart(account: AccountLine): boolean {
  return account.unusable === null && (account.status === "active" || account.status === "unconfirmed");
}

/** The account's status, and what to do about it. */
export function statusText(account: AccountLine, words: Words, locale: Locale): string {
  if (account.unusable !== null) return words.accounts.unusable;
  const since = account.since === null ? "" : formatDateTime(account.since, locale);
  switch (account.status) {
    case "active":
      return account.can_approve ? words.accounts.active : words.accounts.cannotApprove;
    case "unconfirmed":
      return words.accounts.unconfirmed;
    default:
      return words.accounts[account.status](since, account.host);
  }
}

/** The subject of a result: amount and payee, or kind and client. */
export function subjectText(result: RequestResult, words: Words, locale: Locale): string {
  if (result.amount)
    return words.result.payment(formatMoney(result.amount, locale), result.payee ?? result.client_name);
  return words.result.other(words.kind[result.kind ?? "other"], result.client_name);
}

/** How a request ended. */
export function endingText(
  result: { outcome: RequestResult["outcome"]; by: RequestResult["by"]; client_name: string | null },
  words: Words,
): string {
  if (result.outcome === null) return words.ending.gone;
  if (result.outcome === "cancelled" && result.client_name) return words.result.cancelled(result.client_name);
  if (result.outcome === "answered_elsewhere" && result.by) return words.result.elsewhere(result.by);
  return words.ending[result.outcome];
}

/** The line about the last result: "Approved € 4.20 to Acme Coffee · 10:41:07". */
export function resultText(result: RequestResult, words: Words, locale: Locale): string {
  const [subject, time] = [subjectText(result, words, locale), formatTime(result.at, locale, true)];
  if (result.outcome === "approved" || result.outcome === "denied")
    return words.result.line(words.ending[result.outcome], subject, time);
  return words.result.ended(subject, endingText(result, words), time);
}

/** Since when the provider of an account is offline, and why. One string: its place on the screen keeps every space. */
export function offlineText(account: AccountLine, words: Words, locale: Locale): string {
  const since = words.offline.since(account.host, formatTime(account.offline_since ?? 0, locale));
  return `${since} ${words.offline.why[account.offline_why ?? "unreachable"]}`;
}
