// Everything once by keyboard alone, and what a screen reader says of a request.

import { until } from "./chromium.mjs";
import { Keyboard, heard } from "./keyboard.mjs";
import { NUMBER, PAYMENT, approval, enrollByPasskey, equal, linkOpened } from "./steps.mjs";

/** Keys until a request that has just appeared is approved by a passkey. */
const MOST_KEYS = 6;

export const tests = {
  async "by keyboard alone: set up, approve, deny, enter a number, say it wasn't me, settings"({ browser, provider }) {
    const tab = await linkOpened(browser, provider, "alice");
    const keyboard = await Keyboard.of(tab);
    await keyboard.use("#confirm");
    await tab.screen("no-screen-lock");
    await keyboard.use("#choose-pin");
    await tab.screen("pin-new");
    for (const field of ["#pin", "#pin-again"]) {
      await keyboard.to(field);
      await keyboard.type("271828");
    }
    await keyboard.use("#enroll");
    await tab.screen("wake");
    await keyboard.use("#without");
    await tab.screen("practice");
    await keyboard.use("#skip");
    await tab.screen("requests");

    const approved = await provider.ask("alice", "Order 1", PAYMENT);
    await tab.screen("request");
    await keyboard.use("#approve");
    await until("the PIN's field has the focus", () => keyboard.isAt("#pin"));
    await keyboard.type("271828");
    await keyboard.press("Enter");
    approval(await provider.end(approved));

    await tab.screen("requests");
    const denied = await provider.ask("alice", "Order 2");
    await tab.screen("request");
    await keyboard.use("#deny");
    equal((await provider.end(denied)).error, "access_denied", "the denial");

    await tab.screen("requests");
    const numbered = await provider.acknowledgement("alice", "Order 3", NUMBER);
    await tab.screen("request");
    await keyboard.to("#number");
    await keyboard.type(numbered.interaction_value);
    await keyboard.use("#approve");
    await until("the PIN's field has the focus", () => keyboard.isAt("#pin"));
    await keyboard.type("271828");
    await keyboard.press("Enter");
    equal(approval(await provider.end(numbered.auth_req_id)).interaction, "input_manual", "how it was approved");

    await tab.screen("requests");
    const foreign = await provider.ask("alice", "Order 4");
    await tab.screen("request");
    await keyboard.use("#not-me");
    await tab.screen("not-me");
    equal((await provider.end(foreign)).denial_reason, "not_me", "the reason");
    await keyboard.use("#done");

    await keyboard.use("#nav-activity");
    await tab.screen("activity");
    await keyboard.use("[data-past]");
    await tab.screen("past");
    await keyboard.use("#back");
    await keyboard.use("#nav-settings");
    await tab.screen("settings");
    await keyboard.to("input[name=appearance]:checked");
    await keyboard.press("ArrowDown");
    await keyboard.press("ArrowDown");
    const dark = `document.querySelector("input[value=dark]").checked`;
    await until("it is dark", () => tab.evaluate(dark));
  },

  async "a request is heard as kind, client, amount, for whom, time left, and approved in six keys"({
    browser,
    provider,
  }) {
    const { tab } = await enrollByPasskey(browser, provider, "alice");
    const asked = await provider.ask("alice", "Order 1", PAYMENT);
    await tab.screen("request");
    const keyboard = await Keyboard.of(tab);
    // The focus is on the heading: what is heard first is its name, then its description.
    await until("the heading has the focus", () => keyboard.isAt("h1"));
    const [heading] = (await heard(tab)).filter(({ role }) => role === "heading");
    const first = `${heading.name} ${heading.description}`;
    const parts = ["Payment", "Acme Coffee", "80.00", "Alice Example", "left"];
    const places = parts.map((part) => first.indexOf(part));
    if (places.includes(-1) || places.some((place, at) => at > 0 && place <= places[at - 1])) {
      throw new Error(`heard: ${first}; meant, in this order: ${parts.join(", ")}`);
    }
    await keyboard.use("#approve");
    approval(await provider.end(asked));
    if (keyboard.pressed > MOST_KEYS)
      throw new Error(`${keyboard.pressed} keys to approve, at most ${MOST_KEYS} meant`);
  },

  async "every button, field and choice that is heard has a name"({ browser, provider }) {
    const { tab } = await enrollByPasskey(browser, provider, "alice");
    const controls = ["button", "textbox", "radio", "checkbox", "link", "DisclosureTriangle", "heading"];
    for (const screen of ["requests", "accounts", "activity", "settings"]) {
      await tab.click(`#nav-${screen}`);
      await tab.screen(screen);
      const nameless = (await heard(tab)).filter(({ role, name }) => controls.includes(role) && !name.trim());
      equal(nameless, [], `controls without a name on ${screen}`);
    }
    await tab.click("#nav-requests");
    await provider.ask("alice", "Order 1", { ...PAYMENT, ...NUMBER });
    await tab.screen("request");
    const nameless = (await heard(tab)).filter(({ role, name }) => controls.includes(role) && !name.trim());
    equal(nameless, [], "controls without a name on a request");
  },
};
