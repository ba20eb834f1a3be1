// Formats amounts for the locale without changing a digit.

import type { Money } from "../backend/types";

const NO_BREAK_SPACE = "\u00a0";

/** `{"amount":"1234.50","currency":"EUR"}` as `€ 1,234.50` or `1.234,50 €`. Nothing is rounded, padded or cut. */
export function formatMoney({ amount, currency }: Money, locale: string): string {
  const match = /^(-?)(\d+)(?:\.(\d+))?$/.exec(amount);
  // The device lets nothing else through as money.
  if (!match) return `${currency}${NO_BREAK_SPACE}${amount}`;
  const [, sign = "", whole = "", fraction] = match;
  const numbers = new Intl.NumberFormat(locale).formatToParts(1234567.5);
  const point = numbers.find((part) => part.type === "decimal")?.value ?? ".";
  const group = numbers.find((part) => part.type === "group")?.value ?? ",";
  const grouped = whole.replace(/\B(?=(\d{3})+$)/g, group);
  const digits = sign + grouped + (fraction === undefined ? "" : point + fraction);
  const { symbol, first } = currencySign(currency, locale);
  return first ? `${symbol}${NO_BREAK_SPACE}${digits}` : `${digits}${NO_BREAK_SPACE}${symbol}`;
}

/** The currency's symbol in the locale, and whether it precedes the digits. */
function currencySign(currency: string, locale: string): { symbol: string; first: boolean } {
  try {
    const parts = new Intl.NumberFormat(locale, { style: "currency", currency }).formatToParts(1);
    const at = parts.findIndex((part) => part.type === "currency");
    return { symbol: parts[at]?.value ?? currency, first: at < parts.findIndex((part) => part.type === "integer") };
  } catch {
    // Not a currency code that Intl accepts: shown as sent.
    return { symbol: currency, first: true };
  }
}
