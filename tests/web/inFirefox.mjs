// The page in Firefox, which has a push service of one's own choice: messages are truly encrypted, sent and received.

import { approval, approveByPin, enrollByPin, equal } from "./steps.mjs";

export const tests = {
  async "in Firefox a page enrolls by PIN, approves, denies, and is there again after a restart"({
    browser,
    provider,
  }) {
    const tab = await enrollByPin(browser, provider, "alice");
    const first = await provider.ask("alice", "Order 1");
    await tab.screen("request");
    await approveByPin(tab);
    equal(approval(await provider.end(first)).key.type, "p256", "the key's type");
    const second = await provider.ask("alice", "Order 2");
    await tab.screen("request");
    await tab.click("#deny");
    equal((await provider.end(second)).error, "access_denied", "the denial");
    await browser.restart();
    const third = await provider.ask("alice", "Order 3");
    const again = await browser.open(`${provider.origin}/device/`);
    await again.screen("request");
    await again.click("#deny");
    equal((await provider.end(third)).error, "access_denied", "the denial after the restart");
  },

  async "attack: in Firefox, too, a script put into the page on its way does not run"({ browser, provider }) {
    provider.injected = "<script>globalThis.stolen = 1</script>";
    browser.violationsMeant = 1;
    const tab = await browser.open(`${provider.origin}/device/`);
    await tab.screen("welcome");
    equal(await tab.evaluate("globalThis.stolen ?? null"), null, "what ran");
  },
};
