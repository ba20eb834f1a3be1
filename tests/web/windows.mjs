// More than one window of the page.

import { until } from "./chromium.mjs";
import { enrollByPin, equal } from "./steps.mjs";

export const tests = {
  async "one of two windows is the device, and the other takes over when it is closed"({ browser, provider }) {
    const tab = await enrollByPin(browser, provider, "alice");
    const other = await browser.open(`${provider.origin}/device/`, true);
    await other.screen("trouble");
    await tab.close();
    await other.screen("requests");
    const asked = await provider.ask("alice", "Order 1");
    await other.screen("request");
    await other.click("#deny");
    equal((await provider.end(asked)).error, "access_denied", "the denial");
  },

  async "the tab that is looked at is the device, and one that is hidden is not"({ browser, provider }) {
    const tab = await enrollByPin(browser, provider, "alice");
    const other = await browser.open(`${provider.origin}/device/`);
    await other.screen("requests");
    for (const [shown, message] of [
      [tab, "Order 1"],
      [other, "Order 2"],
    ]) {
      await shown.toFront();
      const asked = await provider.ask("alice", message);
      await until("the request is there", async () => (await shown.text()).includes(message));
      await shown.click("#deny");
      equal((await provider.end(asked)).error, "access_denied", "the denial");
    }
  },
};
