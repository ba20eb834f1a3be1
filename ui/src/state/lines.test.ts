import { expect, it } from "vitest";

import { line, payment } from "../backend/fake";
import { foldSummary, layOutLines } from "./lines";

it("every line of a request has exactly one place", () => {
  const request = payment("ch_1");
  const layout = layOutLines(request);
  const placed = Object.values(layout).flat();
  expect(placed.length).toBe(request.lines.length);
  expect(new Set(placed)).toEqual(new Set(request.lines));
});

it("amount and payee of one payment stand at the top, account and reference behind the fold", () => {
  const layout = layOutLines(payment("ch_1"));
  expect(layout.amounts.map(({ value }) => value)).toEqual([{ amount: "80.00", currency: "EUR" }]);
  expect(layout.payees.map(({ value }) => value)).toEqual(["Acme Coffee, Berlin"]);
  expect(foldSummary(layout.folded)).toBe("To account, Reference");
});

it("what is unknown or comes in parts is shown whole and in its order", () => {
  const request = payment("ch_1");
  const unknown = [
    line("section", "Unrecognised request: novelty", "", "section"),
    line("detail", "deep › a", "1", "text", 2),
  ];
  const layout = layOutLines({ ...request, unrecognised: true, lines: [...request.lines, ...unknown] });
  expect(layout.amounts).toEqual([]);
  expect(layout.shown.map((shown) => shown.role)).toContain("amount");
  expect(layout.shown.at(-1)?.label).toBe("deep › a");
});

it("a second line of a role that stands once is not lost", () => {
  const request = payment("ch_1");
  const layout = layOutLines({
    ...request,
    lines: [...request.lines, line("message", "Message", "another", "text", 1)],
  });
  expect(layout.shown.map((shown) => shown.value)).toContain("another");
});
