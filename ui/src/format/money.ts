// Amounts in the person's way of writing, with exactly the digits that were sent.

import type { Money } from "../backend/types";

const NARROW_SPACE = "\u00a0";

/** `{"amount":"1234.50","currency":"EUR"}` as `€ 1,234.50` or `1.234,50 €`. Nothing is rounded, added or left out. */
export function money({ amount, currency }: Money, locale: string): string {
  const match = /^(-?)(\d+)(?:\.(\d+))?$/.exec(amount);
  // The device lets nothing else through as money.
  if (!match) return `${currency}${NARROW_SPACE}${amount}`;
  const [, sign = "", whole = "", fraction] = match;
  const numbers = new Intl.NumberFormat(locale).formatToParts(1234567.5);
  const point = numbers.find((part) => part.type === "decimal")?.value ?? ".";
  const group = numbers.find((part) => part.type === "group")?.value ?? ",";
  const grouped = whole.replace(/\B(?=(\d{3})+$)/g, group);
  const digits = sign + grouped + (fraction === undefined ? "" : point + fraction);
  const { symbol, first } = currencySign(currency, locale);
  return first ? `${symbol}${NARROW_SPACE}${digits}` : `${digits}${NARROW_SPACE}${symbol}`;
}

/** The sign people know for a currency, and whether it stands before the digits. */
function currencySign(currency: string, locale: string): { symbol: string; first: boolean } {
  try {
    const parts = new Intl.NumberFormat(locale, { style: "currency", currency }).formatToParts(1);
    const at = parts.findIndex((part) => part.type === "currency");
    return { symbol: parts[at]?.value ?? currency, first: at < parts.findIndex((part) => part.type === "integer") };
  } catch {
    // No code that Intl takes: shown as it is.
    return { symbol: currency, first: true };
  }
}
