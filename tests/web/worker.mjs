// The service worker, woken by pushes.

import { until } from "./chromium.mjs";
import { equal } from "./steps.mjs";

export const tests = {
  async "the page has a worker of its own, and a push that no request follows ends in a notification"({
    browser,
    provider,
  }) {
    await browser.send("Browser.grantPermissions", { origin: provider.origin, permissions: ["notifications"] });
    const tab = await browser.open(`${provider.origin}/device/`);
    const worker = `navigator.serviceWorker.ready.then(({ active, scope, updateViaCache }) => [active.scriptURL, scope, updateViaCache])`;
    const page = `${provider.origin}/device/`;
    equal(await tab.evaluate(worker), [`${page}sw.js`, page, "none"], "the worker");
    const told = new Promise((resolve) =>
      browser.on((method, { registrations }) => {
        if (method === "ServiceWorker.workerRegistrationUpdated" && registrations.length) resolve(registrations[0]);
      }),
    );
    await tab.send("ServiceWorker.enable");
    const { registrationId } = await told;
    await tab.send("ServiceWorker.deliverPushMessage", { origin: `${provider.origin}/`, registrationId, data: "{}" });
    const shown = `navigator.serviceWorker.ready.then((it) => it.getNotifications()).then((all) => all.map(({ body }) => body))`;
    await until("it is shown", async () => (await tab.evaluate(shown))[0]?.includes("Something may be waiting"));
  },
};
