// Set-up and answers, by PIN and by passkey, and what proves them.

import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { until } from "./chromium.mjs";
import { approval, enrollByPasskey, enrollByPin, equal } from "./steps.mjs";

export const tests = {
  async "a page enrolls by PIN, approves, and denies without one"({ browser, provider }) {
    const tab = await enrollByPin(browser, provider, "alice");
    const first = await provider.ask("alice", "Order 1");
    await tab.screen("request");
    await tab.click("#approve");
    await until("the PIN is asked", () => tab.evaluate(`!!document.querySelector("#pin")`));
    await tab.type("#pin", "271828");
    await tab.click("#pin-approve");
    const { key } = approval(await provider.end(first));
    equal(key.type, "p256", "the key's type");
    const second = await provider.ask("alice", "Order 2");
    await tab.screen("request");
    await tab.click("#deny");
    equal((await provider.end(second)).error, "access_denied", "the denial");
  },

  async "a page enrolls by passkey with one touch, and each approval asks for another"({ browser, provider }) {
    const { tab, authenticator } = await enrollByPasskey(browser, provider, "alice");
    const { credentials } = await tab.send("WebAuthn.getCredentials", { authenticatorId: authenticator });
    equal(credentials.length, 1, "one passkey");
    equal(credentials[0].rpId, "localhost", "of the page's host");
    for (const message of ["Order 1", "Order 2"]) {
      const asked = await provider.ask("alice", message);
      await tab.screen("request");
      await tab.click("#approve");
      const { key } = approval(await provider.end(asked));
      equal(key.type, "webauthn", "the key's type");
      await tab.screen("requests");
    }
  },

  async "a person whom the screen lock does not know approves nothing, and may try again"({ browser, provider }) {
    const { tab, authenticator } = await enrollByPasskey(browser, provider, "alice");
    const asked = await provider.ask("alice", "Order 1");
    await tab.screen("request");
    await tab.send("WebAuthn.setUserVerified", { authenticatorId: authenticator, isUserVerified: false });
    await tab.click("#approve");
    await until("it says so", async () => (await tab.text()).includes("Nothing was signed"));
    await tab.send("WebAuthn.setUserVerified", { authenticatorId: authenticator, isUserVerified: true });
    await tab.click("#approve");
    equal(approval(await provider.end(asked)).key.type, "webauthn", "the key's type");
  },

  async "what a passkey signed is saved as evidence, and verifies offline"({ browser, provider }) {
    const downloadPath = await mkdtemp(join(tmpdir(), "countersign-downloads-"));
    await browser.send("Browser.setDownloadBehavior", { behavior: "allow", downloadPath });
    const { tab } = await enrollByPasskey(browser, provider, "alice");
    const asked = await provider.ask("alice", "Order 1");
    await tab.screen("request");
    await tab.click("#approve");
    approval(await provider.end(asked));
    await tab.click("#nav-activity");
    await tab.click("[data-past]");
    await tab.click("#save-evidence");
    const saved = async () => (await readdir(downloadPath)).find((name) => /^countersign-ch_.*\.json$/.test(name));
    const file = join(downloadPath, await until("the file is saved", saved));
    const verified = await until("it is whole", () => provider.verify(file));
    equal([verified.outcome, verified.key.type], ["approved", "webauthn"], "what is proven");
    await rm(downloadPath, { recursive: true });
  },
};
