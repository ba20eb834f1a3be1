// Being woken by push, and practice.

import { until } from "./chromium.mjs";
import { approveByPin, enrollByPin, equal, settle } from "./steps.mjs";
import { allow, notifications, notified, PushService, subscribing, watchWorker } from "./pushes.mjs";

const push = async (provider) => (await provider.op("device", "list", "alice"))[0].push;
const state = (provider, wanted) =>
  until(`the provider says ${wanted}`, async () => (await push(provider)).state === wanted);

/** A page that was set up and can be woken, by a push service that the test ends. */
async function woken({ browser, provider }, test) {
  const service = await PushService.start();
  try {
    await allow(browser, provider);
    const tab = await enrollByPin(browser, provider, "alice", subscribing(service.script()), false);
    await tab.screen("wake");
    await tab.click("#wake");
    await until("it is woken", () => tab.evaluate(`!!document.querySelector("#woken")`));
    await tab.click("#go-on");
    await tab.screen("practice");
    await test({ tab, service });
  } finally {
    service.stop();
  }
}

async function toRequests(tab) {
  await tab.click("#skip");
  await tab.screen("requests");
}

/** A page of the same origin that is no device: it reads notifications, and is not below the worker's scope. */
const reader = (browser, provider) => browser.open(`${provider.origin}/.well-known/openid-configuration`);

export const tests = {
  async "a page asks to be woken in a gesture, tells its provider, and practises to the end"(context) {
    const { provider } = context;
    await woken(context, async ({ tab, service }) => {
      const [{ userVisibleOnly, bytes }] = await tab.evaluate("subscriptions");
      equal([userVisibleOnly, bytes], [true, 65], "the subscription");
      await state(provider, "ok");
      await tab.click("#practise");
      await tab.screen("request");
      await until("it is marked", () => tab.evaluate(`!!document.querySelector("#practice")`));
      await approveByPin(tab);
      await tab.screen("requests");
      await until("the practice request was pushed", () => service.taken.length > 0);
      equal(service.taken[0].path, "/subscription-0", "where it went");
      equal(service.taken[0].authorization.startsWith("vapid "), true, "it is signed");
      equal(await tab.evaluate(`document.querySelector("#not-woken")`), null, "nothing is said above the list");
    });
  },

  async "practice comes by stream where nothing can be pushed"({ browser, provider }) {
    await allow(browser, provider, "denied");
    const tab = await enrollByPin(browser, provider, "alice", undefined, false);
    await tab.screen("wake");
    await tab.click("#wake");
    await until("it says so", async () => (await tab.text()).includes("blocked for this page"));
    await tab.click("#without");
    await tab.click("#practise");
    await tab.screen("request");
    await tab.click("#deny");
    await tab.screen("requests");
    await until("what to do is said", async () => (await tab.text()).includes("Open this page when somebody asks you"));
  },

  async "a page whose browser never answers says so after ten seconds, and one that is refused at once"({
    browser,
    provider,
  }) {
    const service = await PushService.start();
    await allow(browser, provider);
    const silent = await enrollByPin(
      browser,
      provider,
      "alice",
      subscribing(service.script({ answers: false })),
      false,
    );
    await silent.screen("wake");
    const began = Date.now();
    await silent.click("#wake");
    await until("it says so", async () => (await silent.text()).includes("within ten seconds"));
    equal(Date.now() - began > 9_000, true, "it had ten seconds");
    await settle(silent);
    await silent.close();
    const refused = await browser.open("about:blank");
    await subscribing(service.script({ permission: "denied" }))(refused);
    await refused.send("Page.navigate", { url: `${provider.origin}/device/` });
    await refused.screen("requests");
    await refused.click("#try-push");
    await until("it says so", async () => (await refused.text()).includes("You did not allow it"));
    service.stop();
  },

  async "a stopped worker shows what waits, and a tap leads to that request"(context) {
    const { browser, provider } = context;
    await woken(context, async ({ tab }) => {
      await toRequests(tab);
      await tab.close();
      const outside = await reader(browser, provider);
      const worker = await watchWorker(browser, provider);
      await worker.stop();
      // The module is what the worker keeps: the provider may have another one by now.
      await outside.send("Network.clearBrowserCache");
      const calls = provider.asked.length;
      await provider.ask("alice", "Order 1");
      await worker.push();
      const { title, body, data, silent } = await notified(outside, "Something waits for your answer");
      equal([title, silent], ["Example Bank", false], "in whose name");
      equal([body.includes("Order"), body.includes("Acme")], [false, false], "it says nothing of what is asked");
      equal(provider.asked.slice(calls).filter((path) => path.endsWith(".wasm")), [], "the module was not asked for");
      await provider.ask("alice", "Order 2");
      await worker.push();
      const second = await notified(outside, "2 wait");
      equal([second.silent, second.data.requests.length], [true, 2], "a second one within a minute");
      equal((await notifications(outside)).length, 1, "one for each account");
      const opened = await browser.open(`${provider.origin}/device/?open=${data.requests[0]}`);
      await opened.screen("request");
      equal((await opened.text()).includes("Order 1"), true, "it is the one that was tapped");
      equal(await opened.evaluate("location.search"), "", "and leaves the address");
    });
  },

  async "a push with nothing behind it is said, and what was answered elsewhere is taken back"(context) {
    const { browser, provider } = context;
    await woken(context, async ({ tab }) => {
      await toRequests(tab);
      const outside = await reader(browser, provider);
      const worker = await watchWorker(browser, provider);
      await worker.push();
      await notified(outside, "Nothing waits. You need not do anything.");
      const asked = await provider.ask("alice", "Order 1");
      await worker.push();
      await notified(outside, "Something waits");
      equal((await notifications(outside)).length, 1, "that nothing waits is gone");
      await tab.toFront();
      await tab.screen("request");
      await tab.click("#deny");
      equal((await provider.end(asked)).error, "access_denied", "the denial");
      await worker.tab.toFront();
      await worker.push();
      const { silent } = await notified(outside, "Nothing waits");
      equal(silent, true, "without a sound");
    });
  },

  async "a page in the middle of an answer keeps the device, and the worker says that something may wait"(context) {
    const { browser, provider } = context;
    await woken(context, async ({ tab }) => {
      await toRequests(tab);
      const outside = await reader(browser, provider);
      const worker = await watchWorker(browser, provider);
      await tab.toFront();
      await provider.ask("alice", "Order 1");
      await tab.screen("request");
      provider.slow = true;
      await tab.click("#deny");
      await worker.tab.toFront();
      await worker.push();
      await notified(outside, "Something may be waiting");
      provider.slow = false;
    });
  },

  async "an address goes with the permission, and a subscription that is gone or for another key is made anew"(
    context,
  ) {
    const { browser, provider } = context;
    await woken(context, async ({ tab, service }) => {
      await toRequests(tab);
      await state(provider, "ok");
      service.status = 410;
      const { device_id } = (await provider.op("device", "list", "alice"))[0];
      await provider.op("device", "push-test", device_id).catch(() => undefined);
      await until("it is made anew", async () => (await tab.evaluate("localStorage['test-subscriptions']")) === "2");
      service.status = 201;
      await state(provider, "ok");
      await allow(browser, provider, "denied");
      await tab.send("Page.reload");
      await tab.screen("requests");
      await state(provider, "none");
      await until("it is said", async () => (await tab.text()).includes("can’t be woken"));
    });
  },
};
