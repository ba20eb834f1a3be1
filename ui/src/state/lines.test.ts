import { expect, it } from "vitest";

import { line, payment } from "../backend/fake";
import { foldSummary, layOutLines, segments } from "./lines";

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

it.each([
  ["openid", "folded"],
  ["openid profile email", "folded"],
  ["openid accounts:read", "shown"],
])("what lets a client know who somebody is may fold, and nothing else: %s is %s", (scope, place) => {
  const request = payment("ch_1");
  const others = request.lines.filter(({ role }) => role !== "scope");
  const layout = layOutLines({ ...request, lines: [...others, line("scope", "Asks for", scope, "text", 2)] });
  const found = { folded: layout.folded, shown: layout.shown };
  expect(found[place as "folded" | "shown"].map(({ value }) => value)).toContain(scope);
});

it("a second line of a role that stands once is not lost", () => {
  const request = payment("ch_1");
  const layout = layOutLines({
    ...request,
    lines: [...request.lines, line("message", "Message", "another", "text", 1)],
  });
  expect(layout.shown.map((shown) => shown.value)).toContain("another");
});

it("captions that the client chose stand apart, under whose they are", () => {
  const lines = [
    line("detail", "What", "Refund"),
    line("section", "Details, as Acme Coffee names them", "", "section"),
    line("client_detail", "From", "Red Bank"),
    line("client_detail", "Amount", "€ 1.00"),
    line("scope", "Asks for", "openid"),
  ];
  const apart = segments(lines).map((segment) => [segment.heading, segment.lines.map(({ label }) => label)]);
  expect(apart).toEqual([
    [undefined, ["What"]],
    ["Details, as Acme Coffee names them", ["From", "Amount"]],
    [undefined, ["Asks for"]],
  ]);
});

it("the heading of an only element gives way to the fold's, several elements keep theirs", () => {
  const element = (at: number) =>
    line("section", `Part ${at}`, "", "section", 2, `challenge:/authorization_details_json/${at}`);
  const request = payment("ch_1");
  const one = layOutLines({ ...request, lines: [element(0), ...request.lines] });
  expect([one.heading?.label, one.amounts.length]).toEqual(["Part 0", 1]);
  const two = layOutLines({ ...request, lines: [element(0), element(1), ...request.lines] });
  expect([two.heading, two.amounts.length]).toEqual([undefined, 0]);
});
