// A push service on this machine, a browser that subscribes there, and pushes that the browser hands to its worker. Chromium without
// Google's service subscribes nowhere; it delivers to a worker all the same.

import { createServer } from "node:http";
import { once } from "node:events";
import { createECDH, randomBytes } from "node:crypto";

import { until } from "./chromium.mjs";

/** Takes every push, and counts them by path. */
export class PushService {
  /** Status of the next replies. */
  status = 201;
  taken = [];

  static async start() {
    const service = new PushService();
    service.server = createServer((request, response) => {
      request.resume();
      request.on("end", () => {
        service.taken.push({ path: request.url, authorization: request.headers.authorization });
        response.writeHead(service.status).end();
        service.onPush?.();
      });
    }).listen(0, "127.0.0.1");
    await once(service.server, "listening");
    service.origin = `http://127.0.0.1:${service.server.address().port}`;
    return service;
  }

  stop() {
    this.server.closeAllConnections();
    this.server.close();
  }

  /**
   * Script of a browser whose subscriptions are here, as `PushManager` has them. Their keys are real; they outlive a reload. With
   * `answers` false it never answers, as Chromium without Google.
   */
  script({ answers = true, permission } = {}) {
    const keys = Array.from({ length: 4 }, () => {
      const key = createECDH("prime256v1");
      return { p256dh: key.generateKeys("base64"), auth: randomBytes(16).toString("base64") };
    });
    return `(() => {
      const keys = ${JSON.stringify(keys)};
      const bytes = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0)).buffer;
      const made = () => JSON.parse(localStorage.getItem("test-subscription") ?? "null");
      const of = (kept) => kept && {
        endpoint: kept.endpoint,
        options: { userVisibleOnly: true, applicationServerKey: bytes(kept.key) },
        getKey: (name) => bytes(keys[kept.number][name]),
        unsubscribe: async () => (localStorage.removeItem("test-subscription"), true),
      };
      const answers = ${answers};
      const asked = [];
      globalThis.subscriptions = asked;
      PushManager.prototype.getSubscription = async () => of(made());
      PushManager.prototype.subscribe = async ({ userVisibleOnly, applicationServerKey }) => {
        if (!answers) return new Promise(() => undefined);
        const number = Number(localStorage.getItem("test-subscriptions") ?? 0);
        localStorage.setItem("test-subscriptions", number + 1);
        const key = btoa(String.fromCharCode(...new Uint8Array(applicationServerKey)));
        asked.push({ userVisibleOnly, bytes: new Uint8Array(applicationServerKey).length });
        const kept = { endpoint: ${JSON.stringify(this.origin)} + "/subscription-" + number, number, key };
        localStorage.setItem("test-subscription", JSON.stringify(kept));
        return of(kept);
      };
      ${permission === undefined ? "" : `Notification.requestPermission = async () => ${JSON.stringify(permission)};`}
    })()`;
  }
}

/** Prepares a tab before it opens the page. */
export const subscribing = (script) => (tab) => tab.send("Page.addScriptToEvaluateOnNewDocument", { source: script });

export function allow(browser, provider, setting = "granted") {
  const permission = { name: "notifications" };
  return browser.send("Browser.setPermission", { origin: provider.origin, permission, setting });
}

/** A tab that watches the page's worker: it shows nothing, so that no page is looked at, and delivers pushes. */
export async function watchWorker(browser, provider) {
  const tab = await browser.open("about:blank");
  let registration;
  browser.on((method, { registrations }) => {
    if (method !== "ServiceWorker.workerRegistrationUpdated") return;
    registration = registrations.find(({ scopeURL }) => scopeURL === `${provider.origin}/device/`) ?? registration;
  });
  await tab.send("ServiceWorker.enable");
  const { registrationId } = await until("the worker is registered", () => registration);
  return {
    tab,
    stop: () => tab.send("ServiceWorker.stopAllWorkers"),
    push: () =>
      tab.send("ServiceWorker.deliverPushMessage", { origin: `${provider.origin}/`, registrationId, data: "{}" }),
  };
}

/** The page's notifications that are open, as a page of its origin sees them. */
export function notifications(tab) {
  return tab.evaluate(`navigator.serviceWorker.getRegistration("/device/").then((it) => it.getNotifications())
    .then((all) => all.map(({ title, body, tag, data, silent }) => ({ title, body, tag, data, silent })))`);
}

/** Resolves once a notification says this. */
export function notified(tab, words) {
  return until(`a notification says "${words}"`, async () => {
    const all = await notifications(tab);
    const found = all.find(({ body }) => body.includes(words));
    if (!found) throw new Error(JSON.stringify(all));
    return found;
  });
}
