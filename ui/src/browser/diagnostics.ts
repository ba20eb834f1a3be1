// What somebody who helps has to know of this browser. No secret, no name, no address but this page's host: it is made to be sent.

import type { AccountLine, Snapshot } from "../backend/types";
import { forgets, hasPasskeys, screenLock } from "./abilities";

export type Report = [what: string, value: string][];

/** What is asked of a browser may be missing, refused, or never answered. */
async function ask(question: () => unknown): Promise<string> {
  const patience = new Promise((resolve) => setTimeout(resolve, 3_000, "no answer"));
  try {
    const answer = await Promise.race([question(), patience]);
    return answer === undefined ? "absent" : String(answer);
  } catch (thrown) {
    return thrown instanceof DOMException ? thrown.name : "failed";
  }
}

const permission = (of: string) => async () =>
  (await navigator.permissions.query({ name: of as PermissionName })).state as string;

async function storage(): Promise<string> {
  const { quota, usage } = await navigator.storage.estimate();
  const mebibytes = (bytes: number | undefined) => (bytes === undefined ? "?" : Math.round(bytes / 1024 ** 2));
  const kept = (await navigator.storage.persisted()) ? "persistent" : "not persistent";
  return `${kept}, ${mebibytes(usage)} of ${mebibytes(quota)} MiB`;
}

async function serviceWorker(): Promise<string | undefined> {
  const workers = navigator.serviceWorker as ServiceWorkerContainer | undefined;
  if (!workers) return undefined;
  const registration = await workers.getRegistration();
  if (!registration) return "none";
  const state = (registration.active ?? registration.waiting ?? registration.installing)?.state ?? "none";
  return workers.controller ? `${state}, in control` : state;
}

/** Seconds that this clock is ahead of the page's server, which says full seconds alone. */
async function clockDifference(): Promise<string> {
  const before = Date.now();
  const reply = await fetch(location.pathname, { method: "HEAD", cache: "no-store" });
  const date = Date.parse(reply.headers.get("date") ?? "");
  const middle = (before + Date.now()) / 2;
  return Number.isNaN(date) ? "not told" : `${Math.round((middle - date) / 1000)} s`;
}

function accounts(all: AccountLine[] | undefined): string {
  if (!all) return "not read";
  const each = all.map(({ unusable, can_approve, key_protection, offline_why, ...account }) =>
    [unusable ? "unusable" : account.status, can_approve ? "" : "can't approve", key_protection, offline_why ?? ""]
      .filter(Boolean)
      .join(" "),
  );
  return [String(all.length), ...each].join("; ");
}

export async function diagnose(snapshot: Snapshot | undefined): Promise<Report> {
  const display = ["standalone", "fullscreen", "minimal-ui"].find(
    (mode) => matchMedia(`(display-mode: ${mode})`).matches,
  );
  const questions: [string, () => unknown][] = [
    ["version", () => snapshot?.version ?? "not started"],
    ["trouble", () => snapshot?.trouble?.code ?? "none"],
    ["host", () => location.host],
    ["secure", () => window.isSecureContext],
    ["browser", () => navigator.userAgent],
    ["languages", () => navigator.languages.join(", ")],
    ["screen", () => `${innerWidth} × ${innerHeight} at ${devicePixelRatio}, ${display ?? "in a tab"}`],
    ["online", () => navigator.onLine],
    ["passkeys", hasPasskeys],
    ["screen lock", screenLock],
    ["camera", async () => (navigator.mediaDevices ? permission("camera")() : undefined)],
    ["reads codes", () => typeof globalThis.BarcodeDetector === "function"],
    ["push", () => typeof PushManager === "function"],
    ["notifications", () => (typeof Notification === "function" ? Notification.permission : undefined)],
    ["storage", storage],
    ["forgets soon", forgets],
    ["service worker", serviceWorker],
    ["locks", () => "locks" in navigator],
    ["keys", () => typeof crypto.subtle === "object"],
    ["WebAssembly", () => typeof WebAssembly === "object"],
    ["time", () => new Date().toISOString()],
    ["ahead of the server", clockDifference],
    ["accounts", () => accounts(snapshot?.accounts)],
  ];
  return Promise.all(questions.map(async ([what, question]): Promise<[string, string]> => [what, await ask(question)]));
}

export function reportText(report: Report): string {
  return report.map(([what, value]) => `${what}: ${value}`).join("\n");
}
