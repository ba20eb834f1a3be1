// The same passkey again: pages that lost what they kept, and pages of another storage.

import { approval, enrollByPasskey, equal, settle } from "./steps.mjs";

/** Takes what the page keeps: its database, as a browser that needs space or "clear data" does. */
async function loseStorage(tab, provider) {
  await tab.send("Page.navigate", { url: "about:blank" });
  await tab.send("Storage.clearDataForOrigin", { origin: provider.origin, storageTypes: "all" });
}

async function approves(tab, provider, user, message) {
  const asked = await provider.ask(user, message);
  await tab.screen("request");
  await tab.click("#approve");
  equal(approval(await provider.end(asked)).key.type, "webauthn", "the key's type");
  await tab.screen("requests");
}

export const tests = {
  async "a page that lost its storage is set up again by a link and the same passkey"({ browser, provider }) {
    const { tab, authenticator } = await enrollByPasskey(browser, provider, "alice");
    await loseStorage(tab, provider);
    await tab.send("Page.navigate", { url: `${provider.origin}/device/#${await provider.linkToken("alice")}` });
    await tab.screen("preview");
    await tab.click("#again");
    await settle(tab);
    const { credentials } = await tab.send("WebAuthn.getCredentials", { authenticatorId: authenticator });
    equal(credentials.length, 1, "no second passkey");
    await approves(tab, provider, "alice", "Order 1");
    const devices = await provider.op("device", "list", "alice");
    const states = devices.filter(({ device_id }) => device_id).map(({ status }) => status);
    equal(states.filter((state) => state === "active").length, 1, `one device of hers is active: ${states}`);
  },

  async "a page with another storage goes on without a link in the first minutes, once"({ browser, provider }) {
    const { tab } = await enrollByPasskey(browser, provider, "alice");
    await loseStorage(tab, provider);
    await tab.send("Page.navigate", { url: `${provider.origin}/device/` });
    await tab.screen("welcome");
    await tab.click("#resume");
    await settle(tab);
    await approves(tab, provider, "alice", "Order 1");
    await loseStorage(tab, provider);
    await tab.send("Page.navigate", { url: `${provider.origin}/device/` });
    await tab.screen("welcome");
    await tab.click("#resume");
    await tab.says("Ask for a new set-up link");
    equal(await tab.evaluate(`document.querySelector("main").dataset.screen`), "welcome", "nothing was set up");
  },

  async "attack: another person's passkey sets nothing up, and the link still makes a new one"({ browser, provider }) {
    const { tab } = await enrollByPasskey(browser, provider, "bob");
    await loseStorage(tab, provider);
    await tab.send("Page.navigate", { url: `${provider.origin}/device/#${await provider.linkToken("alice")}` });
    await tab.screen("preview");
    await tab.click("#again");
    await tab.says("belongs to nobody here");
    await tab.click("#confirm");
    await settle(tab);
    await approves(tab, provider, "alice", "Order 1");
  },
};
