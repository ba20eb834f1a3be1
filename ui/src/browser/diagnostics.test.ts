import { cleanup, fireEvent, render, waitFor } from "@testing-library/svelte";
import { afterEach, beforeEach, expect, it, vi } from "vitest";

import App from "../App.svelte";
import { account, FakeBackend } from "../backend/fake";
import { diagnose, reportText } from "./diagnostics";
import { fakeBrowser } from "./fake";

beforeEach(() => {
  vi.stubGlobal("matchMedia", () => ({ matches: false }));
  vi.stubGlobal(
    "fetch",
    async () => new Response(null, { headers: { date: new Date(Date.now() - 90_000).toUTCString() } }),
  );
});

afterEach(() => {
  cleanup();
  vi.unstubAllGlobals();
  history.replaceState(null, "", "/");
});

const ALICE = account({ subject_label: "Alice Example", device_name: "Alice’s phone", status: "revoked" });

it("says what the browser can do, and how the clock differs", async () => {
  const report = new Map(await diagnose(new FakeBackend({ accounts: [ALICE] }).state));
  expect(report.get("version")).toBe("0.1.0");
  expect(report.get("passkeys")).toBe("false");
  expect(report.get("camera")).toBe("absent");
  expect(report.get("service worker")).toBe("absent");
  expect(Number.parseInt(report.get("ahead of the server") ?? "", 10)).toBeGreaterThanOrEqual(89);
  expect(report.get("accounts")).toMatch(/^1; revoked/);
});

it("attack_the_report_tells_no_name_and_no_link", async () => {
  history.replaceState(null, "", "/device/?open=ch_secret");
  const text = reportText(await diagnose(new FakeBackend({ accounts: [ALICE] }).state));
  for (const secret of ["Alice", "acme", "ch_secret", "ac_1"]) expect(text).not.toContain(secret);
});

it("is told of a device that did not open, and of questions that are never answered", async () => {
  vi.useFakeTimers();
  vi.stubGlobal("fetch", () => new Promise(() => undefined));
  const asked = diagnose(undefined);
  await vi.advanceTimersByTimeAsync(3_000);
  const report = new Map(await asked);
  vi.useRealTimers();
  expect(report.get("accounts")).toBe("not read");
  expect(report.get("ahead of the server")).toBe("no answer");
});

it("is a screen of its own, with all of it to copy", async () => {
  history.replaceState(null, "", "/device/#diagnostics");
  const backend = new FakeBackend({ accounts: [ALICE] });
  const writeText = vi.fn(async () => undefined);
  vi.stubGlobal("navigator", { userAgent: "A phone", languages: ["de"], language: "en", clipboard: { writeText } });
  const { container, getByRole } = render(App, {
    props: { backend, browser: fakeBrowser(backend, { first: "diagnostics" }) },
  });
  await waitFor(() => expect(container.querySelector("dd")).not.toBeNull());
  await fireEvent.click(getByRole("button", { name: "Copy" }));
  expect(writeText).toHaveBeenCalledWith(expect.stringContaining("browser: A phone"));
  await fireEvent.click(getByRole("button", { name: "Back" }));
  await waitFor(() => expect(container.querySelector("[data-screen=requests]")).not.toBeNull());
  expect(location.hash).toBe("");
});
