// A page that is closed, frozen, offline or on a slow line while something is asked.

import { until } from "./chromium.mjs";
import { approval, approveByPin, enrollByPasskey, enrollByPin, equal } from "./steps.mjs";

const ONLINE = { offline: false, latency: 0, downloadThroughput: -1, uploadThroughput: -1 };
const OFFLINE = { ...ONLINE, offline: true };
/** 600 kbit/s, 400 ms. */
const SLOW = { offline: false, latency: 400, downloadThroughput: 75_000, uploadThroughput: 75_000 };

async function line(tab, conditions) {
  await tab.send("Network.enable");
  await tab.send("Network.emulateNetworkConditions", conditions);
}

export const tests = {
  async "a page closed while the person is asked for a touch sends nothing, and the next one approves"({
    browser,
    provider,
  }) {
    const { tab, authenticator } = await enrollByPasskey(browser, provider, "alice");
    const { credentials } = await tab.send("WebAuthn.getCredentials", { authenticatorId: authenticator });
    const asked = await provider.ask("alice", "Order 1");
    await tab.screen("request");
    await tab.send("WebAuthn.setAutomaticPresenceSimulation", { authenticatorId: authenticator, enabled: false });
    await tab.click("#approve");
    // Both are off while the answer is under way, and come back if it fails.
    await until("it waits for the touch", () =>
      tab.evaluate(`document.querySelector("#deny").getAttribute("aria-disabled") === "true"`),
    );
    await tab.close();
    const next = await browser.open("about:blank");
    const authenticatorId = await next.addAuthenticator();
    await next.send("WebAuthn.addCredential", { authenticatorId, credential: credentials[0] });
    await next.send("Page.navigate", { url: `${provider.origin}/device/` });
    await next.screen("request");
    await next.click("#approve");
    equal(approval(await provider.end(asked)).key.type, "webauthn", "the key's type");
  },

  async "a hidden tab that the browser froze shows what was asked meanwhile when it is looked at"({
    browser,
    provider,
  }) {
    const tab = await enrollByPin(browser, provider, "alice");
    await browser.open("about:blank");
    await until("it is hidden", () => tab.evaluate("document.hidden"));
    await tab.send("Page.setWebLifecycleState", { state: "frozen" });
    const asked = await provider.ask("alice", "Order 1");
    await tab.send("Page.setWebLifecycleState", { state: "active" });
    await tab.toFront();
    await tab.screen("request");
    await tab.click("#deny");
    equal((await provider.end(asked)).error, "access_denied", "the denial");
  },

  async "offline is said, an answer is kept, and both go by themselves when the line is back"({ browser, provider }) {
    const tab = await enrollByPin(browser, provider, "alice");
    const asked = await provider.ask("alice", "Order 1");
    await tab.screen("request");
    await line(tab, OFFLINE);
    await tab.click("#deny");
    await until("it is kept", async () => (await tab.text()).includes("Your answer is kept and will be sent."));
    await until("offline is said", () => tab.evaluate(`!!document.querySelector("#offline")`));
    await line(tab, ONLINE);
    equal((await provider.end(asked)).error, "access_denied", "the denial");
    await until("nothing is left of it", () => tab.evaluate(`!document.querySelector("#offline, [data-kept]")`));
  },

  async "on a slow line a page sets itself up, and approves"({ browser, provider }) {
    const tab = await enrollByPin(browser, provider, "alice", (tab) => line(tab, SLOW));
    const asked = await provider.ask("alice", "Order 1");
    await tab.screen("request");
    await approveByPin(tab);
    equal(approval(await provider.end(asked)).key.type, "p256", "the key's type");
  },
};
