import { expect, test } from "vitest";

import { visibleBlanks } from "./blanks";

test("runs of more than three blanks are shown as such", () => {
  expect(visibleBlanks("a   b")).toBe("a   b");
  expect(visibleBlanks("a    b")).toBe("a␣␣␣␣b");
  expect(visibleBlanks("€ 1\u00a0\u00a0\u00a0\u00a0000")).toBe("€ 1⍽⍽⍽⍽000");
  expect(visibleBlanks(" \u00a0 \u00a0x")).toBe("␣⍽␣⍽x");
});
