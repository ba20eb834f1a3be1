import { expect, it } from "vitest";

import { composed, numberedLines } from "./text";

it("text is shown composed", () => expect(composed("Cafe\u0301 tie\u0302\u0301ng")).toBe("Café tiếng"));

it("one line is no block", () => expect(numberedLines("one line")).toBeNull());

it("lines are numbered and runs of empty ones counted", () =>
  expect(numberedLines("Cafe\u0301\n\n \n\tthree\n\nlast")).toEqual([
    { number: "1", text: "Café", empty: 0 },
    { number: "2–3", text: "", empty: 2 },
    { number: "4", text: "\tthree", empty: 0 },
    { number: "5", text: "", empty: 1 },
    { number: "6", text: "last", empty: 0 },
  ]));
