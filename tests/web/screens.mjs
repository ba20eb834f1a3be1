// A walk through every screen of the page, and what is held of each: no violation that axe knows, no scrolling sideways.
//
// Each screen is looked at once, in sizes, schemes and text sizes that alternate; SCREENS=all looks at each in all of them, in both
// languages. PICTURES=folder keeps a picture of all that was looked at.

import { readFileSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { until } from "./chromium.mjs";
import { IN_APP, NUMBER, PAYMENT, choosePin, enrollByPin, equal, linkOpened, withoutPasskeys } from "./steps.mjs";

const AXE = readFileSync(new URL("../../ui/node_modules/axe-core/axe.min.js", import.meta.url), "utf8");
const TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];

const SIZES = [
  { width: 320, height: 568 },
  { width: 412, height: 915 },
];
/** Every way of looking: the same one is two steps apart, so that four screens in a row are seen in four ways. */
const LOOKS = SIZES.flatMap((size) =>
  ["light", "dark"].flatMap((scheme) => ["100%", "200%"].map((text) => ({ ...size, scheme, text }))),
);
const SAMPLE = [LOOKS[0], LOOKS[7], LOOKS[3], LOOKS[4]];

class Walk {
  #tab;
  #language;
  #isWhole = process.env.SCREENS === "all";
  #seen = 0;
  /** What is wrong, of all screens: one run says everything. */
  problems = [];

  constructor(tab, language) {
    this.#tab = tab;
    this.#language = language;
  }

  async look(name) {
    const looks = this.#isWhole ? LOOKS : [SAMPLE[this.#seen % SAMPLE.length]];
    this.#seen += 1;
    for (const look of looks) {
      await this.#as(look);
      const called = `${this.#language}-${name}-${look.width}-${look.scheme}-${look.text.slice(0, 3)}`;
      const width = await this.#tab.evaluate("document.scrollingElement.scrollWidth");
      if (width > look.width) this.problems.push(`${called}: ${width} pixels wide`);
      for (const { id, help, targets } of await this.#axe())
        this.problems.push(`${called}: ${id}: ${help}: ${targets}`);
      await this.#picture(called);
    }
    await this.#as(LOOKS[0]);
  }

  async #as({ width, height, scheme, text }) {
    const metrics = { width, height, deviceScaleFactor: 1, mobile: true };
    await this.#tab.send("Emulation.setDeviceMetricsOverride", metrics);
    const features = [
      { name: "prefers-color-scheme", value: scheme },
      // What is half faded in has no contrast.
      { name: "prefers-reduced-motion", value: "reduce" },
    ];
    await this.#tab.send("Emulation.setEmulatedMedia", { features });
    await this.#tab.evaluate(`void (document.documentElement.style.fontSize = "${text}")`);
    // Drawn once more before anything is measured.
    await this.#tab.evaluate("new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)))");
  }

  async #axe() {
    if (!(await this.#tab.evaluate("!!globalThis.axe"))) await this.#tab.evaluate(`${AXE};0`);
    const options = { runOnly: TAGS, resultTypes: ["violations"] };
    return this.#tab.evaluate(`axe.run(document, ${JSON.stringify(options)}).then(({ violations }) => violations.map(
      ({ id, help, nodes }) => ({ id, help, targets: nodes.map(({ html, any }) => html.slice(0, 120) + " " + (any[0]?.message ?? "")).join(" | ") }),
    ))`);
  }

  async #picture(called) {
    const folder = process.env.PICTURES;
    if (!folder) return;
    await mkdir(folder, { recursive: true });
    const { data } = await this.#tab.send("Page.captureScreenshot", { format: "png" });
    await writeFile(join(folder, `${called}.png`), Buffer.from(data, "base64"));
  }
}

/** Before there is an account. */
async function beginning(browser, provider, language, prepare) {
  const tab = await browser.open("about:blank");
  await prepare(tab);
  const walk = new Walk(tab, language);
  await tab.send("Page.navigate", { url: `${provider.origin}/device/` });
  await tab.screen("welcome");
  await walk.look("welcome");
  await tab.click("#new-phone");
  await tab.screen("new-phone");
  await walk.look("new-phone");
  await tab.click("#scan");
  await tab.screen("scan");
  await until("it says that there is no camera", () => tab.evaluate(`!!document.querySelector("#problem")`));
  await walk.look("scan");
  await tab.click("#paste");
  await tab.screen("link");
  await walk.look("link");
  await tab.type("#link", "https://example.com/nothing");
  await tab.click("#continue");
  await until("it says what is wrong", () => tab.evaluate(`!!document.querySelector("#problem")`));
  await walk.look("link-wrong");
  await tab.evaluate(`void (location.hash = "#diagnostics")`);
  await tab.screen("diagnostics");
  await until("all is found out", () => tab.evaluate(`document.body.innerText.includes("ahead of the server")`));
  await walk.look("diagnostics");
  await tab.close();
  return [...walk.problems, ...(await inAnApp(browser, provider, language))];
}

/** In an app's own browser, which has no passkeys. */
async function inAnApp(browser, provider, language) {
  const { tab } = await withoutPasskeys(browser, provider, { userAgent: IN_APP, acceptLanguage: language });
  await tab.screen("elsewhere");
  const walk = new Walk(tab, language);
  await walk.look("elsewhere");
  await tab.close();
  return walk.problems;
}

/** Set up by a link whose code is typed where it came from. */
async function withCode(browser, provider, language) {
  const token = await provider.linkTokenWithCode("bob");
  const tab = await linkOpened(browser, provider, "bob", speaking(language), token);
  await tab.click("#confirm");
  await tab.click("#choose-pin");
  await choosePin(tab);
  await tab.screen("code");
  const walk = new Walk(tab, language);
  await walk.look("code");
  await tab.close();
  return walk.problems;
}

/** From the link on. */
async function setUpAndAfter(browser, provider, language, prepare) {
  const tab = await linkOpened(browser, provider, "alice", prepare);
  const walk = new Walk(tab, language);
  await walk.look("preview");
  await tab.click("#confirm");
  await tab.screen("no-screen-lock");
  await walk.look("no-screen-lock");
  await tab.click("#choose-pin");
  await tab.screen("pin-new");
  await walk.look("pin");
  await tab.type("#pin", "271828");
  await tab.type("#pin-again", "271829");
  await tab.click("#enroll");
  await until("it says that they differ", () => tab.evaluate(`!!document.querySelector("#problem")`));
  await walk.look("pin-differs");
  await tab.type("#pin-again", "271828");
  await tab.click("#enroll");
  await tab.screen("wake");
  await walk.look("wake");
  await tab.click("#without");
  await tab.screen("practice");
  await walk.look("practice");
  await tab.click("#skip");
  await tab.screen("requests");
  await walk.look("requests-empty");
  for (const screen of ["accounts", "activity", "settings"]) {
    await tab.click(`#nav-${screen}`);
    await tab.screen(screen);
    await walk.look(`${screen}-first`);
  }

  await tab.click("#nav-requests");
  await provider.ask("alice", "POS terminal #14", PAYMENT);
  await tab.screen("request");
  await walk.look("payment");
  await tab.evaluate(`for (const it of document.querySelectorAll("details")) it.open = true`);
  await walk.look("payment-details");
  await tab.click("#approve");
  await until("the PIN is asked", () => tab.evaluate(`!!document.querySelector("#pin")`));
  await walk.look("payment-pin");
  await tab.type("#pin", "111111");
  await tab.click("#pin-approve");
  await until("it says that it is wrong", () => tab.evaluate(`!!document.querySelector("#problem")`));
  await walk.look("payment-pin-wrong");
  await tab.type("#pin", "271828");
  await tab.click("#pin-approve");
  await tab.screen("requests");
  await until("the outcome is there", () => tab.evaluate(`!!document.querySelector("#outcome")`));
  await walk.look("requests-outcome");

  await provider.acknowledgement("alice", "Gate 7", NUMBER);
  await tab.screen("request");
  await walk.look("number");
  await tab.type("#number", "123");
  await walk.look("number-half");
  await tab.click("#back");
  await tab.screen("requests");
  await provider.acknowledgement("alice", "Gate 8", { interaction_type: "number_choose" });
  await until("two wait", () => tab.evaluate(`document.querySelectorAll("#requests-list li").length === 2`));
  await tab.click("#requests-list li:last-child button");
  await tab.screen("request");
  await walk.look("number-choice");
  await tab.click("#deny");
  await tab.screen("requests");
  await provider.ask("alice", "Order 2");
  await until("two wait", () => tab.evaluate(`document.querySelectorAll("#requests-list li").length === 2`));
  await walk.look("requests-two");
  await tab.click("#requests-list li:last-child button");
  await tab.screen("request");
  await walk.look("sign-in");
  await tab.click("#not-me");
  await tab.screen("not-me");
  await walk.look("not-me");
  await tab.click("#done");
  await tab.click("#nav-activity");
  await tab.screen("activity");
  await until("the list is there", () => tab.evaluate(`!!document.querySelector("[data-past]")`));
  await walk.look("activity");
  await tab.click("[data-past]");
  await tab.screen("past");
  await walk.look("past");
  const other = await browser.open("about:blank", true);
  await prepare(other);
  await other.send("Page.navigate", { url: `${provider.origin}/device/` });
  await other.screen("trouble");
  const troubled = new Walk(other, language);
  await troubled.look("trouble");
  return [...walk.problems, ...troubled.problems];
}

/** What a browser in this language does before it opens the page. */
const speaking = (language) => async (tab) => {
  const { userAgent } = await tab.browser.send("Browser.getVersion");
  await tab.send("Emulation.setUserAgentOverride", { userAgent, acceptLanguage: language });
};

export const tests = {
  async "every screen before an account is one that anybody can use, in both languages"({ browser, provider }) {
    const problems = [];
    for (const language of ["en", "de"]) {
      problems.push(...(await beginning(browser, provider, language, speaking(language))));
    }
    equal(problems, [], "problems");
  },

  async "the code to type elsewhere is on a screen that anybody can use"({ browser, provider }) {
    equal(await withCode(browser, provider, "en"), [], "problems");
  },

  async "every screen with an account is one that anybody can use"({ browser, provider }) {
    equal(await setUpAndAfter(browser, provider, "en", speaking("en")), [], "problems");
  },

  async "a request in German is one that anybody can use"({ browser, provider }) {
    if (process.env.SCREENS === "all") {
      equal(await setUpAndAfter(browser, provider, "de", speaking("de")), [], "problems");
      return;
    }
    const tab = await enrollByPin(browser, provider, "alice", speaking("de"));
    const walk = new Walk(tab, "de");
    await provider.acknowledgement("alice", "Gleis 7", { ...PAYMENT, ...NUMBER });
    await tab.screen("request");
    equal((await tab.text()).includes("Ablehnen"), true, "German");
    await walk.look("payment-number");
    equal(walk.problems, [], "problems");
  },

  async "the number's field is on the smallest screen without scrolling"({ browser, provider }) {
    const tab = await enrollByPin(browser, provider, "alice");
    const metrics = { ...SIZES[0], deviceScaleFactor: 1, mobile: true };
    await tab.send("Emulation.setDeviceMetricsOverride", metrics);
    await provider.acknowledgement("alice", "Gate 7", { ...PAYMENT, ...NUMBER });
    await tab.screen("request");
    const seen = `(() => {
      const number = document.querySelector("#number").getBoundingClientRect();
      const below = document.querySelector(".below").getBoundingClientRect();
      return number.top >= 0 && number.bottom <= below.top && below.bottom <= innerHeight;
    })()`;
    equal(await tab.evaluate(seen), true, "above the buttons, and these on the screen");
  },
};
