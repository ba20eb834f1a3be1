// The service worker, woken by pushes.

import { notified, watchWorker } from "./pushes.mjs";
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
    // Another page in front: while this one is looked at, a push shows nothing.
    const woken = await watchWorker(browser, provider);
    await woken.push();
    const { title } = await notified(tab, "Something may be waiting");
    equal(title, "localhost", "in whose name");
  },
};
