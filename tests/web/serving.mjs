// How the page is served and kept: the link that leads to it, its files without the network, its versions.

import { until } from "./chromium.mjs";
import { enrollByPin, equal } from "./steps.mjs";

/** Opens the page until its worker keeps its files. */
async function opened(browser, provider) {
  const tab = await browser.open(`${provider.origin}/device/`);
  await tab.screen("welcome");
  await until("the worker keeps the page", () => tab.evaluate("navigator.serviceWorker.ready.then(() => true)"));
  return tab;
}

async function reload(tab) {
  await tab.evaluate("window.before = true");
  await tab.send("Page.reload");
  await until("it is loaded again", () => tab.evaluate("!window.before"));
}

const nameOf = (tab) => tab.evaluate("document.querySelector('meta[name=application-name]').content");

export const tests = {
  async "a set-up link leads to the page, and its token is in no entry of the history"({ browser, provider }) {
    const token = await provider.linkToken("alice");
    const tab = await browser.open("about:blank");
    await tab.send("Page.navigate", { url: `${provider.origin}/push/enroll#${token}` });
    await tab.screen("preview");
    const { entries } = await tab.send("Page.getNavigationHistory");
    const addresses = new Set(entries.map(({ url }) => url));
    equal([...addresses], ["about:blank", `${provider.origin}/device/`], "the history");
    equal(
      provider.asked.filter((address) => address.includes(token)),
      [],
      "requests with the token",
    );
    await tab.click("#confirm");
    await tab.screen("no-screen-lock");
  },

  async "the page has the provider's name, in its title and its manifest, and icons that load"({ browser, provider }) {
    const tab = await opened(browser, provider);
    equal(await tab.evaluate("document.title"), "Example Bank", "the title");
    const { data, errors } = await tab.send("Page.getAppManifest");
    equal([errors, JSON.parse(data).name], [[], "Example Bank"], "the manifest");
    const { installabilityErrors } = await tab.send("Page.getInstallabilityErrors");
    // A window of this browser without a person is no place to install anything.
    equal(
      installabilityErrors.filter(({ errorId }) => /icon|manifest|worker|url/.test(errorId)),
      [],
      "what stands against installing it",
    );
  },

  async "a page that was open once opens without its provider, and says so"({ browser, provider }) {
    const tab = await enrollByPin(browser, provider, "alice");
    await until("the worker keeps the page", () => tab.evaluate("navigator.serviceWorker.ready.then(() => true)"));
    provider.away = "altogether";
    await reload(tab);
    await tab.screen("requests");
    equal(await tab.evaluate("!!navigator.serviceWorker.controller"), true, "the worker served it");
    provider.away = false;
    const asked = await provider.ask("alice", "Order 1");
    await tab.screen("request");
    await tab.click("#deny");
    equal((await provider.end(asked)).error, "access_denied", "the denial");
  },

  async "attack: files that another script changed in the cache are not served"({ browser, provider }) {
    const tab = await opened(browser, provider);
    const changed = await tab.evaluate(`(async () => {
      const [name] = (await caches.keys()).filter((name) => name.startsWith("countersign-shell "));
      const cache = await caches.open(name);
      let changed = 0;
      for (const { url } of await cache.keys()) {
        const stolen = url.endsWith("index.html") ? "<title>stolen</title><h1>stolen</h1>" : "document.title = 'stolen'";
        await cache.put(url, new Response(stolen, { headers: { "content-type": url.endsWith(".html") ? "text/html" : "text/javascript" } }));
        changed += 1;
      }
      return changed;
    })()`);
    if (changed < 4) throw new Error(`only ${changed} files are kept`);
    await reload(tab);
    await tab.screen("welcome");
    equal(await tab.evaluate("document.title"), "Example Bank", "the title");
  },

  async "attack: a script put into a page that its worker served is blocked"({ browser, provider }) {
    browser.violationsMeant = 1;
    const tab = await opened(browser, provider);
    await reload(tab);
    equal(await tab.evaluate("!!navigator.serviceWorker.controller"), true, "the worker served it");
    const loaded = `import("data:text/javascript,window.stolen=1").then(() => "ran", () => "blocked")`;
    equal(await tab.evaluate(loaded), "blocked", "the script");
    equal(await tab.evaluate("window.stolen ?? null"), null, "what it did");
  },

  async "a new version waits for what is begun, takes over when the page is opened anew, and is whole"({
    browser,
    provider,
  }) {
    const tab = await enrollByPin(browser, provider, "alice");
    await until("the worker keeps the page", () => tab.evaluate("navigator.serviceWorker.ready.then(() => true)"));
    await reload(tab);
    await tab.screen("requests");
    const asked = await provider.ask("alice", "Order 1");
    await tab.screen("request");
    await provider.restart('[web_device]\nname = "Another Bank"\n');
    await tab.evaluate("window.begun = true; navigator.serviceWorker.ready.then((it) => it.update()).then(() => true)");
    await until("it waits", () => tab.evaluate("navigator.serviceWorker.ready.then((it) => !!it.waiting)"));
    // Out of sight, and something is begun.
    const other = await browser.open("about:blank");
    await other.toFront();
    await new Promise((resolve) => setTimeout(resolve, 500));
    await tab.toFront();
    equal(
      [await tab.evaluate("window.begun"), await nameOf(tab)],
      [true, "Example Bank"],
      "the page with a request open",
    );
    await tab.screen("request");
    await tab.click("#deny");
    equal((await provider.end(asked)).error, "access_denied", "the denial");
    await reload(tab);
    await until("it is the new version", async () => (await nameOf(tab)) === "Another Bank");
    await tab.screen("requests");
    const kept = await tab.evaluate(`caches.keys().then((names) => names.length)`);
    equal(kept, 1, "versions that are kept");
  },

  async "a provider without a page takes the worker along, and keeps the device's keys"({ browser, provider }) {
    const tab = await enrollByPin(browser, provider, "alice");
    await until("the worker keeps the page", () => tab.evaluate("navigator.serviceWorker.ready.then(() => true)"));
    await provider.restart("[web_device]\nenabled = false\n");
    await tab.evaluate("navigator.serviceWorker.ready.then((it) => it.update()).then(() => true)");
    await until("it is gone", () =>
      tab.evaluate("navigator.serviceWorker.getRegistrations().then((all) => !all.length)"),
    );
    equal(await tab.evaluate("caches.keys()"), [], "the kept files");
    await tab.send("Page.reload");
    await until("it is said", async () => (await tab.text()).includes("[web_device]"));
    await provider.restart("");
    await tab.send("Page.reload");
    await tab.screen("requests");
  },
};
