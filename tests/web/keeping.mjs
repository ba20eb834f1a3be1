// What outlives a reload, and the end of the browser.

import { until } from "./chromium.mjs";
import { enrollByPin, equal } from "./steps.mjs";

export const tests = {
  async "accounts and keys survive a reload, and no key can be taken out of the browser"({ browser, provider }) {
    const tab = await enrollByPin(browser, provider, "alice");
    await tab.send("Page.reload");
    await tab.screen("requests");
    const exported = await tab.evaluate(`(async () => {
      const open = indexedDB.open("countersign");
      await new Promise((resolve) => (open.onsuccess = resolve));
      const all = open.result.transaction("keys").objectStore("keys").getAll();
      await new Promise((resolve) => (all.onsuccess = resolve));
      const keys = all.result.filter((key) => key instanceof CryptoKey);
      const one = async (key) => crypto.subtle.exportKey(key.type === "private" ? "pkcs8" : "raw", key).then(() => "out", ({ name }) => name);
      return Promise.all(keys.map(one));
    })()`);
    equal(exported, ["InvalidAccessError", "InvalidAccessError"], "the sealing key and the transport key");
    const asked = await provider.ask("alice", "Order 1");
    await tab.screen("request");
    await tab.click("#deny");
    equal((await provider.end(asked)).error, "access_denied", "the denial");
  },

  async "an answer given while the provider is away survives kill -9 of the browser, and is sent"({
    browser,
    provider,
  }) {
    const tab = await enrollByPin(browser, provider, "alice");
    const asked = await provider.ask("alice", "Order 1");
    await tab.screen("request");
    provider.away = true;
    await tab.click("#deny");
    await until("it is kept", async () => (await tab.text()).includes("kept"));
    await browser.restart();
    provider.away = false;
    await (await browser.open(`${provider.origin}/device/`)).screen("requests");
    equal((await provider.end(asked)).error, "access_denied", "the denial");
  },
};
