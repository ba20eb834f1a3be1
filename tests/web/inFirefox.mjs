// The page in Firefox, which has a push service of one's own choice: messages are truly encrypted, sent and received.

import { until } from "./tab.mjs";
import { approval, approveByPin, enrollByPin, equal } from "./steps.mjs";

/** A page that can be woken, set up and closed again. */
async function enrolledAndWoken(browser, provider) {
  const tab = await enrollByPin(browser, provider, "alice", undefined, false);
  await tab.screen("wake");
  await tab.click("#wake");
  await until("it is woken", () => tab.evaluate(`!!document.querySelector("#woken")`));
  await tab.click("#go-on");
  await tab.screen("practice");
  await tab.click("#skip");
  await tab.screen("requests");
  await woken(provider, "ok");
  await tab.go("about:blank");
}

/** Waits until the provider says this of the device's address. */
const woken = (provider, state) =>
  until(`the provider says ${state}`, async () => {
    const [{ push }] = await provider.op("device", "list", "alice");
    if (push.state !== state) throw new Error(JSON.stringify(push));
    return true;
  });

/** The key that pushes are signed by from now on. */
async function vapidKey(provider) {
  const reply = await fetch(`${provider.origin}/.well-known/oauth-push-notification`);
  return (await reply.json()).vapid_public_key;
}

/** Waits until somebody has fetched after so many calls: no page is open, so that it is the worker. */
const fetched = (provider, calls) =>
  until("the worker looks", () => provider.asked.slice(calls).some((path) => path.startsWith("/push/challenges?")));

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

  async "in Firefox a push, encrypted by the provider, wakes the worker of a page that is closed, and of a browser that was"({
    browser,
    provider,
    service,
  }) {
    await enrolledAndWoken(browser, provider);
    const calls = provider.asked.length;
    const first = await provider.ask("alice", "Order 1");
    await fetched(provider, calls);
    equal((await provider.poll(first)).delivery, "delivered", "once it was fetched");
    const { headers } = service.sent.at(-1);
    equal([headers["content-encoding"], headers.urgency], ["aes128gcm", "high"], "the message");
    equal(headers.authorization.startsWith("vapid t="), true, "it is signed");

    await browser.close();
    const before = service.sent.length;
    const second = await provider.ask("alice", "Order 2");
    await until("it waits at the push service", () => service.sent.length > before);
    equal((await provider.poll(second)).delivery, "waiting", "while the browser is closed");
    const callsBefore = provider.asked.length;
    await browser.restart();
    // No page of ours is opened: the browser starts the worker.
    await fetched(provider, callsBefore);
    equal((await provider.poll(second)).delivery, "delivered", "by the worker");
    const tab = await browser.open(`${provider.origin}/device/`);
    await until("both wait", () => tab.evaluate(`document.querySelectorAll("#requests-list li").length === 2`));
  },

  async "in Firefox a subscription that is gone is made anew, and one for a former key moves to the new one"({
    browser,
    provider,
    service,
  }) {
    await enrolledAndWoken(browser, provider);
    const [{ device_id }] = await provider.op("device", "list", "alice");
    const pushed = () => provider.op("device", "push-test", device_id).catch(() => undefined);
    const [former] = service.addresses;
    service.forget();
    await pushed();
    await woken(provider, "gone");
    const tab = await browser.open(`${provider.origin}/device/`);
    await until("it subscribes anew", () => service.addresses.length === 1);
    if (service.addresses[0] === former) throw new Error("the address is the former one");
    await woken(provider, "ok");

    await pushed();
    const key = () => service.sent.at(-1).headers.authorization.match(/k=([\w-]+)/)[1];
    const before = key();
    const [kept] = service.addresses;
    await provider.op("keys", "rotate", "--push");
    await until("the provider has the new key", async () => (await vapidKey(provider)) !== before);
    await tab.go("about:blank");
    await tab.go(`${provider.origin}/device/`);
    await until("it moves", () => service.addresses.length === 1 && service.addresses[0] !== kept);
    await woken(provider, "ok");
    await pushed();
    if (key() === before) throw new Error("pushes are signed by the former key");
  },
};
