import { afterEach, expect, it, vi } from "vitest";

import { payment, signIn } from "../backend/fake";
import { countSheet, sheetSentence } from "./sheets";

afterEach(() => localStorage.clear());

const passkey = { needs_pin: false };

it("names the request's own amount before the system's sheet", () => {
  const sentence = sheetSentence(payment("ch_1", passkey), "en", "phone");
  expect(sentence).toMatch(/this payment of €.?80\.00 only/);
  expect(sheetSentence(payment("ch_1", passkey), "de", "phone")).toMatch(/diese Zahlung über 80,00.€/);
});

it("names no amount where there is none, or more than one", () => {
  expect(sheetSentence(signIn("ch_1", passkey), "en", "phone")).toContain("this sign-in only");
  const twice = payment("ch_1", passkey);
  const lines = [...twice.lines, ...twice.lines.filter(({ role }) => role === "amount")];
  expect(sheetSentence({ ...twice, lines }, "en", "phone")).toContain("this payment only");
});

it("is told three times, and never where a PIN approves", () => {
  expect(sheetSentence(payment("ch_1"), "en", "phone")).toBeUndefined();
  for (let sheet = 0; sheet < 3; sheet += 1) {
    expect(sheetSentence(payment("ch_1", passkey), "en", "phone")).toBeTruthy();
    countSheet();
  }
  expect(sheetSentence(payment("ch_1", passkey), "en", "phone")).toBeUndefined();
  expect(sheetSentence(undefined, "en", "phone")).toContain("for your approvals");
});

it("is told each time by a browser that keeps nothing", () => {
  const refuse = () => {
    throw new DOMException("", "SecurityError");
  };
  vi.spyOn(Storage.prototype, "getItem").mockImplementation(refuse);
  vi.spyOn(Storage.prototype, "setItem").mockImplementation(refuse);
  countSheet();
  expect(sheetSentence(payment("ch_1", passkey), "en", "computer")).toContain("your computer");
});
