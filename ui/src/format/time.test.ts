import { expect, it } from "vitest";

import { formatDate, formatTimeLeft } from "./time";

it.each([
  [-5, "0:00"],
  [1, "0:01"],
  [102_000, "1:42"],
  [3_599_000, "59:59"],
  [3_600_000, "1\u00a0h"],
  [172_800_000, "2\u00a0d"],
])("%d milliseconds are %s", (millis, shown) => expect(formatTimeLeft(millis)).toBe(shown));

it("a day stays the same day in every time zone", () =>
  expect(formatDate("2026-12-31", "en")).toBe("December 31, 2026"));
it("what is no date stays as it is", () => expect(formatDate("soon", "en")).toBe("soon"));
