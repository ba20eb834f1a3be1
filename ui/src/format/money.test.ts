import { describe, expect, it } from "vitest";

import { formatMoney } from "./money";

const NBSP = "\u00a0";

describe("an amount", () => {
  it.each([
    ["4.20", "EUR", "en", `€${NBSP}4.20`],
    ["4.2", "EUR", "en", `€${NBSP}4.2`],
    ["42.00", "EUR", "de", `42,00${NBSP}€`],
    ["1234567.005", "EUR", "de", `1.234.567,005${NBSP}€`],
    ["80", "USD", "en", `$${NBSP}80`],
    ["1200", "JPY", "en", `¥${NBSP}1,200`],
    ["-3.50", "GBP", "en", `£${NBSP}-3.50`],
    ["12345678901234567890.12", "EUR", "en", `€${NBSP}12,345,678,901,234,567,890.12`],
    ["5", "XQZ", "en", `XQZ${NBSP}5`],
    ["007.10", "EUR", "en", `€${NBSP}007.10`],
    ["1e3", "EUR", "en", `EUR${NBSP}1e3`],
  ])("%s %s in %s keeps every digit", (amount, currency, locale, shown) => {
    expect(formatMoney({ amount, currency }, locale)).toBe(shown);
  });
});
