import { expect, it } from "vitest";

import { composed, numberedLines } from "./text";

it("text is shown composed", () => expect(composed("Cafe\u0301 tie\u0302\u0301ng")).toBe("Café tiếng"));

it("one line is no block", () => expect(numberedLines("one line")).toBeNull());

it("lines are numbered and runs of empty ones counted", () =>
  expect(numberedLines("Cafe\u0301\n\n \n\tthree\n\nlast")).toEqual([
    { number: "1", text: "Café", empty: 0 },
    { number: "2–3", text: "", empty: 2 },
    { number: "4", text: "    three", empty: 0 },
    { number: "5", text: "", empty: 1 },
    { number: "6", text: "last", empty: 0 },
  ]));

it("nothing in a row is pushed out of sight", () => {
  const rows = numberedLines(`a\n${" ".repeat(12)}b${" ".repeat(5)}c`)?.map((row) => row.text);
  expect(rows).toEqual(["a", `${" ".repeat(8)}␣␣␣␣b␣␣␣␣␣c`]);
});
