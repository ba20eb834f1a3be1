// A person's measure: what the hand does, from a link to the first approved practice request, and for each answer. Printed, and in
// docs/performance.md.

import { until } from "./chromium.mjs";
import { allow, PushService, subscribing } from "./pushes.mjs";
import { NUMBER, approval, equal, linkOpened } from "./steps.mjs";

/** The most that setting up and practising may take. */
const MOST_TOUCHES = 6;
const MOST_SCREENS = 4;

/** Counts touches of the page, keys that are typed, and the screens it shows. */
class Hand {
  touches = 0;
  keys = 0;
  screens = [];
  #tab;

  constructor(tab) {
    this.#tab = tab;
  }

  async screen(name) {
    await this.#tab.screen(name);
    this.screens.push(name);
  }

  async touch(selector) {
    this.touches += 1;
    await this.#tab.click(selector);
  }

  async type(selector, text) {
    this.keys += text.length;
    await this.#tab.type(selector, text);
  }

  /** What was done since the last call, in words. */
  done() {
    const words = `${this.touches} touches, ${this.keys} keys`;
    this.touches = this.keys = 0;
    return words;
  }
}

export const tests = {
  async "from a link to the first approved practice request a person touches the page six times at most, on four screens"({
    browser,
    provider,
  }) {
    const pushes = await PushService.start();
    await allow(browser, provider);
    const tab = await linkOpened(browser, provider, "alice", async (tab) => {
      await tab.addAuthenticator();
      await subscribing(pushes.script())(tab);
    });
    const hand = new Hand(tab);
    await hand.screen("preview");
    await hand.touch("#confirm");
    await hand.screen("wake");
    await hand.touch("#wake");
    await until("it is woken", () => tab.evaluate(`!!document.querySelector("#woken")`));
    await hand.touch("#go-on");
    await hand.screen("practice");
    await hand.touch("#practise");
    await hand.screen("request");
    await hand.touch("#approve");
    await tab.screen("requests");
    const { touches, screens } = hand;
    console.log(`   from link to practice approved: ${hand.done()}, screens ${screens.join(", ")}`);
    if (touches > MOST_TOUCHES || screens.length > MOST_SCREENS) {
      throw new Error(
        `${touches} touches (at most ${MOST_TOUCHES}) on ${screens.length} screens (at most ${MOST_SCREENS})`,
      );
    }

    const answers = [
      ["approve", {}, () => hand.touch("#approve")],
      ["deny", {}, () => hand.touch("#deny")],
      [
        "enter a number and approve",
        NUMBER,
        async ({ interaction_value }) => {
          await hand.type("#number", interaction_value);
          await hand.touch("#approve");
        },
      ],
      ["say it wasn't me", {}, () => hand.touch("#not-me")],
    ];
    const found = {};
    for (const [what, more, answer] of answers) {
      const asked = await provider.acknowledgement("alice", "Order 1", more);
      await tab.screen("request");
      await answer(asked);
      const ended = await provider.end(asked.auth_req_id);
      if (what.includes("approve")) approval(ended);
      found[what] = hand.done();
      console.log(`   ${what}: ${found[what]}`);
      if (what !== "say it wasn't me") await tab.screen("requests");
    }
    const touch = "1 touches, 0 keys";
    equal(
      found,
      { approve: touch, deny: touch, "enter a number and approve": "1 touches, 6 keys", "say it wasn't me": touch },
      "what each takes",
    );
    pushes.stop();
  },
};
