// The device in a browser against a real provider: node run.mjs PAGE COUNTERSIGN CHROMIUM. Exits 1 if a test failed.

import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { Chromium, until } from "./chromium.mjs";
import { Provider } from "./provider.mjs";

const [page, countersign, chromium] = process.argv.slice(2);

/** Opens the page with a link and enrolls as the page's screens lead. */
async function enroll(browser, provider, user, prepare = async () => {}) {
  const tab = await browser.open("about:blank");
  await prepare(tab);
  await tab.send("Page.navigate", { url: `${provider.origin}/device/#${await provider.linkToken(user)}` });
  await tab.screen("preview");
  const address = await tab.evaluate("location.href");
  equal(address, `${provider.origin}/device/`, "the token left the address bar");
  await tab.click("#confirm");
  return tab;
}

async function enrollByPin(browser, provider, user, prepare) {
  const tab = await enroll(browser, provider, user, prepare);
  await tab.screen("pin-new");
  await tab.type("#pin", "271828");
  await tab.type("#pin-again", "271828");
  await tab.click("#enroll");
  await tab.screen("requests");
  return tab;
}

async function enrollByPasskey(browser, provider, user) {
  let authenticator;
  const tab = await enroll(browser, provider, user, async (tab) => (authenticator = await tab.addAuthenticator()));
  await tab.screen("requests");
  return { tab, authenticator };
}

function equal(found, wanted, what) {
  const [one, other] = [JSON.stringify(found), JSON.stringify(wanted)];
  if (one !== other) throw new Error(`${what}: ${one}, not ${other}`);
}

/** The claim `approval` of an access token. */
function approval(tokens) {
  if (!tokens.access_token) throw new Error(`no tokens: ${JSON.stringify(tokens)}`);
  return JSON.parse(Buffer.from(tokens.access_token.split(".")[1], "base64url")).approval;
}

const tests = {
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
    await browser.restart(chromium);
    provider.away = false;
    await (await browser.open(`${provider.origin}/device/`)).screen("requests");
    equal((await provider.end(asked)).error, "access_denied", "the denial");
  },
};

tests["the page has a worker of its own, and a push that no request follows ends in a notification"] = async ({
  browser,
  provider,
}) => {
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
};

let failed = 0;
const only = process.argv[5];
for (const [name, test] of Object.entries(tests)) {
  if (only && !name.includes(only)) continue;
  const provider = await Provider.start(countersign, page);
  const browser = await Chromium.start(chromium);
  try {
    await test({ browser, provider });
    console.log(`ok ${name}`);
  } catch (error) {
    failed += 1;
    console.log(`FAILED ${name}\n${error.stack}`);
  } finally {
    await browser.end();
    await provider.stop();
  }
}
process.exit(failed === 0 ? 0 : 1);
