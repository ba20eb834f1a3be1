// A headless Chromium, driven through the DevTools protocol over a pipe: no port, no other program.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** How long anything may take, in milliseconds: a machine may be busy. */
export const PATIENCE_MS = 60_000;

const sleep = (millis) => new Promise((resolve) => setTimeout(resolve, millis));

/** Asks until the answer is truthy. */
export async function until(what, ask) {
  const deadline = Date.now() + PATIENCE_MS;
  let last;
  for (;;) {
    try {
      last = await ask();
      if (last) return last;
    } catch (error) {
      last = error;
    }
    if (Date.now() > deadline) throw new Error(`${what}: not within ${PATIENCE_MS / 1000} s; at last ${last}`);
    await sleep(50);
  }
}

export class Chromium {
  #child;
  #profile;
  #next = 1;
  #waiting = new Map();
  #listeners = [];
  #said = "";

  static async start(program) {
    const browser = new Chromium();
    browser.#profile = await mkdtemp(join(tmpdir(), "countersign-chromium-"));
    browser.#launch(program);
    return browser;
  }

  /** `kill -9`, and a start with what is on the disk. */
  async restart(program) {
    await this.#end("SIGKILL");
    this.#waiting.clear();
    this.#listeners = [];
    this.#launch(program);
  }

  #launch(program) {
    const options = [
      "--headless=new",
      "--no-sandbox", // needs a user of its own, which a container's root is not; the page is the test's
      "--disable-gpu",
      "--disable-dev-shm-usage", // a container has little of it
      "--no-first-run",
      "--remote-debugging-pipe",
      `--user-data-dir=${this.#profile}`,
      "about:blank",
    ];
    this.#child = spawn(program, options, { stdio: ["ignore", "ignore", "pipe", "pipe", "pipe"] });
    this.#child.stderr.on("data", (chunk) => (this.#said = (this.#said + chunk).slice(-4000)));
    let rest = "";
    this.#child.stdio[4].on("data", (chunk) => {
      const messages = (rest + chunk).split("\0");
      rest = messages.pop();
      for (const message of messages) this.#receive(JSON.parse(message));
    });
  }

  #receive({ id, result, error, method, params, sessionId }) {
    if (id === undefined) {
      for (const listener of this.#listeners) listener(method, params, sessionId);
      return;
    }
    const { resolve, reject, what } = this.#waiting.get(id);
    this.#waiting.delete(id);
    if (error) reject(new Error(`${what}: ${error.message}`));
    else resolve(result);
  }

  on(listener) {
    this.#listeners.push(listener);
  }

  send(method, params = {}, sessionId = undefined) {
    const id = this.#next++;
    const sent = new Promise((resolve, reject) => this.#waiting.set(id, { resolve, reject, what: method }));
    this.#child.stdio[3].write(`${JSON.stringify({ id, method, params, sessionId })}\0`);
    return sent;
  }

  /** Opens a tab, which hides the others, or a window. */
  async open(url, newWindow = false) {
    const { targetId } = await this.send("Target.createTarget", { url: "about:blank", newWindow });
    const { sessionId } = await this.send("Target.attachToTarget", { targetId, flatten: true });
    const page = new Page(this, targetId, sessionId);
    await page.send("Page.enable");
    await page.send("Runtime.enable");
    await page.send("Page.navigate", { url });
    return page;
  }

  async #end(signal) {
    const ended = once(this.#child, "exit");
    this.#child.kill(signal);
    const timer = setTimeout(() => this.#child.kill("SIGKILL"), 5_000);
    await ended;
    clearTimeout(timer);
  }

  async end() {
    await this.#end("SIGTERM");
    await rm(this.#profile, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
  }
}

export class Page {
  /** What its console and its exceptions said. */
  said = [];

  constructor(browser, targetId, sessionId) {
    this.browser = browser;
    this.targetId = targetId;
    this.sessionId = sessionId;
    browser.on((method, params, session) => {
      if (session !== sessionId) return;
      if (method === "Runtime.consoleAPICalled") {
        this.said.push(params.args.map(({ value, description }) => value ?? description).join(" "));
      }
      if (method === "Runtime.exceptionThrown") {
        const { text, exception } = params.exceptionDetails;
        this.said.push(`${text} ${exception?.description ?? ""}`);
      }
    });
  }

  send(method, params = {}) {
    return this.browser.send(method, params, this.sessionId);
  }

  /** Evaluates an expression as if the person had just touched the page. */
  async evaluate(expression) {
    const options = { expression, awaitPromise: true, returnByValue: true, userGesture: true };
    const { result, exceptionDetails } = await this.send("Runtime.evaluate", options);
    if (exceptionDetails) throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
    return result.value;
  }

  /** Waits for a screen of the page, by its name. */
  screen(name) {
    return until(`the screen ${name}`, async () => {
      const found = await this.evaluate(`document.querySelector("main")?.dataset.screen`);
      if (found !== name) throw new Error(`${found} ${await this.text()} ${this.said.join("; ")}`);
      return true;
    });
  }

  text() {
    return this.evaluate(`document.body.innerText`);
  }

  /** Waits until this can be clicked, and clicks. */
  async click(selector) {
    const found = JSON.stringify(selector);
    const ready = `(() => { const it = document.querySelector(${found}); return !!it && it.getAttribute("aria-disabled") !== "true"; })()`;
    await until(`${selector} can be clicked`, () => this.evaluate(ready));
    await this.evaluate(`document.querySelector(${found}).click()`);
  }

  type(selector, text) {
    return this.evaluate(`(() => {
      const it = document.querySelector(${JSON.stringify(selector)});
      it.value = ${JSON.stringify(text)};
      it.dispatchEvent(new Event("input", { bubbles: true }));
    })()`);
  }

  /** Adds an authenticator with a screen lock, as a phone has one. */
  async addAuthenticator() {
    await this.send("WebAuthn.enable");
    const options = {
      protocol: "ctap2",
      ctap2Version: "ctap2_1",
      transport: "internal",
      hasResidentKey: true,
      hasUserVerification: true,
      isUserVerified: true,
      automaticPresenceSimulation: true,
    };
    const { authenticatorId } = await this.send("WebAuthn.addVirtualAuthenticator", { options });
    return authenticatorId;
  }

  toFront() {
    return this.send("Page.bringToFront");
  }

  async close() {
    await this.browser.send("Target.closeTarget", { targetId: this.targetId });
  }
}
