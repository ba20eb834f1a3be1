import { expect, it } from "vitest";

import { browserAddress, isInApp, system } from "./inApp";

const ANDROID =
  "Mozilla/5.0 (Linux; Android 16; Pixel 9 Build/BP2A; wv) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/145.0 Mobile Safari/537.36";
const IPHONE =
  "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148";
const IPAD = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko)";
const LINUX = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/145.0 Safari/537.36";

it("knows a phone's system, and an iPad that says it is a Mac", () => {
  expect([ANDROID, IPHONE, LINUX].map((userAgent) => system(userAgent, 5))).toEqual(["android", "ios", "other"]);
  expect([system(IPAD, 5), system(IPAD, 0)]).toEqual(["ios", "other"]);
});

it.each([
  ["an app's browser on Android", ANDROID, false, true, true],
  ["an app's browser on iOS", IPHONE, false, true, true],
  ["a phone's own browser", ANDROID, true, true, false],
  ["a computer's browser without passkeys", LINUX, false, true, false],
  ["a page that no browser gives passkeys to", ANDROID, false, false, false],
])("%s: in an app?", (_, userAgent, hasPasskeys, isSecure, inApp) => {
  expect(isInApp({ userAgent, touchPoints: 5, hasPasskeys, isSecure })).toBe(inApp);
});

it("hands the whole link to the phone's browser", () => {
  const link = "https://id.acme.example/tenant/push/enroll#ey.J-_.x";
  expect(browserAddress(link, "android")).toBe(
    "intent://id.acme.example/tenant/push/enroll#ey.J-_.x#Intent;scheme=https;action=android.intent.action.VIEW;package=com.android.chrome;end",
  );
  expect(browserAddress(link, "ios")).toBe(`x-safari-${link}`);
  expect(browserAddress(link, "other")).toBeUndefined();
  expect(browserAddress("http://localhost:8787/push/enroll#x", "android")).toContain(
    "intent://localhost:8787/push/enroll#x#Intent;scheme=http;",
  );
  expect(browserAddress("javascript:alert(1)", "android")).toBeUndefined();
});
