// Numbers, "This wasn't me", disputes, and a passkey that is not there any more.

import { until } from "./chromium.mjs";
import { NUMBER, approval, approveByPin, enrollByPasskey, enrollByPin, equal } from "./steps.mjs";

/** A number of as many digits that is not this one. */
const other = (number) => String((Number(number) + 1) % 10 ** number.length).padStart(number.length, "0");

const says = (tab, words) => until(`it says "${words}"`, async () => (await tab.text()).includes(words));

export const tests = {
  async "a number is entered before Approve works, and the right one approves"({ browser, provider }) {
    const tab = await enrollByPin(browser, provider, "alice");
    const asked = await provider.acknowledgement("alice", "Order 1", NUMBER);
    await tab.screen("request");
    const inert = `document.querySelector("#approve").getAttribute("aria-disabled")`;
    await until("Approve says what is missing", async () => (await tab.text()).includes("Enter the number first"));
    equal(await tab.evaluate(inert), "true", "Approve without the number");
    await tab.type("#number", asked.interaction_value);
    await approveByPin(tab);
    equal(approval(await provider.end(asked.auth_req_id)).interaction, "input_manual", "how it was approved");
  },

  async "a wrong number ends the request, and nothing is approved"({ browser, provider }) {
    const tab = await enrollByPin(browser, provider, "alice");
    const asked = await provider.acknowledgement("alice", "Order 1", NUMBER);
    await tab.screen("request");
    await tab.type("#number", other(asked.interaction_value));
    await approveByPin(tab);
    const { error, denial_reason } = await provider.end(asked.auth_req_id);
    equal([error, denial_reason], ["access_denied", "mismatch"], "the end");
    await says(tab, "The number was wrong");
  },

  async "one of three numbers is chosen, with nothing chosen before"({ browser, provider }) {
    const tab = await enrollByPin(browser, provider, "alice");
    const asked = await provider.acknowledgement("alice", "Order 1", { interaction_type: "number_choose" });
    await tab.screen("request");
    const chosen = `document.querySelectorAll('[role=radio][aria-checked="true"]').length`;
    equal(await tab.evaluate(chosen), 0, "numbers chosen before");
    await tab.click(`[data-choice="${asked.interaction_value}"]`);
    await approveByPin(tab);
    equal(approval(await provider.end(asked.auth_req_id)).interaction, "number_choose", "how it was approved");
  },

  async '"This wasn\'t me" denies with that reason, asks for no PIN, and says whom to ask'({ browser, provider }) {
    const tab = await enrollByPin(browser, provider, "alice");
    const asked = await provider.ask("alice", "Order 1");
    await tab.screen("request");
    await tab.click("#not-me");
    await tab.screen("not-me");
    const { error, denial_reason } = await provider.end(asked);
    equal([error, denial_reason], ["access_denied", "not_me"], "the end");
    await says(tab, "asks without a sound");
    await tab.click("#done");
    await tab.screen("requests");
    // The next one of that client is quiet: listed under a fold, not opened.
    await provider.ask("alice", "Order 2");
    await until("it is listed as quiet", () => tab.evaluate(`!!document.querySelector("#held")`));
    equal(await tab.evaluate(`document.querySelector("main").dataset.screen`), "requests", "the screen");
  },

  async "what was approved can be disputed, and they are told"({ browser, provider }) {
    const { tab } = await enrollByPasskey(browser, provider, "alice");
    const asked = await provider.ask("alice", "Order 1");
    await tab.screen("request");
    await tab.click("#approve");
    approval(await provider.end(asked));
    await tab.click("#nav-activity");
    await tab.click("[data-past]");
    await tab.click("#dispute");
    await says(tab, "Told. The reply follows.");
    await tab.click("#back");
    await says(tab, "You said that this wasn’t you. They were told.");
  },

  async "a passkey that was removed approves nothing, that is said, and denying still works"({ browser, provider }) {
    const { tab, authenticator } = await enrollByPasskey(browser, provider, "alice");
    const asked = await provider.ask("alice", "Order 1");
    await tab.screen("request");
    await tab.send("WebAuthn.clearCredentials", { authenticatorId: authenticator });
    await tab.click("#approve");
    await until("it is told", () => tab.evaluate(`!!document.querySelector("#problem")`));
    equal(await tab.evaluate(`document.querySelector("main").dataset.screen`), "request", "the screen");
    await tab.click("#deny");
    equal((await provider.end(asked)).error, "access_denied", "the denial");
  },
};
