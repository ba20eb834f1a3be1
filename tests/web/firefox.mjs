// A headless Firefox, driven by WebDriver BiDi over the WebSocket that it opens on loopback.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

import { Deadline, Tab, until } from "./tab.mjs";

const { WebSocket } = createRequire(new URL("../../ui/package.json", import.meta.url))("ws");

/** How long it may take to start, in milliseconds. */
const START_MS = 60_000;
/** How a report of a violation begins, in the console of the page. */
const VIOLATION = "against the policy: ";

const PREFERENCES = {
  "app.update.enabled": false,
  "browser.shell.checkDefaultBrowser": false,
  "browser.startup.homepage_override.mstone": "ignore",
  "browser.startup.page": 0,
  "datareporting.policy.dataSubmissionEnabled": false,
  "network.captive-portal-service.enabled": false,
  "network.connectivity-service.enabled": false,
  "network.proxy.type": 0,
  "services.settings.server": "data:,#remote-settings-dummy/v1",
  "toolkit.telemetry.enabled": false,
};

export class Firefox {
  violationsMeant = 0;
  /** Rejects when the browser ends that nobody ended. */
  died;

  #program;
  #preferences;
  #profile;
  #child;
  #socket;
  #fail;
  #next = 1;
  #waiting = new Map();
  #tabs = new Map();
  #violations = [];
  #said = "";

  /** `preferences` as in about:config. */
  static async start(program, preferences = {}) {
    const browser = new Firefox();
    browser.#program = program;
    browser.#preferences = { ...PREFERENCES, ...preferences };
    browser.died = new Promise((_, reject) => (browser.#fail = reject));
    browser.died.catch(() => undefined);
    browser.#profile = await mkdtemp(join(tmpdir(), "countersign-firefox-"));
    await browser.#launch();
    return browser;
  }

  async #launch() {
    const lines = Object.entries(this.#preferences).map(
      ([name, value]) => `user_pref(${JSON.stringify(name)}, ${JSON.stringify(value)});\n`,
    );
    await writeFile(join(this.#profile, "user.js"), lines.join(""));
    const options = ["--headless", "--no-remote", "--profile", this.#profile, "--remote-debugging-port", "0"];
    // In a group of its own: its processes end with it.
    const child = spawn(this.#program, options, { detached: true, stdio: ["ignore", "ignore", "pipe"] });
    this.#child = child;
    child.on("error", (error) => this.#fail(error));
    child.on("exit", (code, signal) => {
      if (child === this.#child) this.#fail(new Error(`the browser ended (${code ?? signal}):\n${this.#said}`));
    });
    const address = new Promise((resolve) =>
      createInterface({ input: child.stderr }).on("line", (line) => {
        this.#said = `${this.#said}${line}\n`.slice(-2000);
        const [, found] = line.match(/^WebDriver BiDi listening on (ws:\S+)/) ?? [];
        if (found) resolve(found);
      }),
    );
    const soon = new Deadline(START_MS, "the browser's start");
    this.#socket = new WebSocket(`${await Promise.race([address, this.died, soon.passed])}/session`);
    this.#socket.on("error", (error) => this.#fail(error));
    await Promise.race([once(this.#socket, "open"), this.died, soon.passed]);
    soon.clear();
    this.#socket.on("message", (message) => this.#receive(JSON.parse(message)));
    await this.send("session.new", { capabilities: {} });
    await this.send("session.subscribe", { events: ["log.entryAdded"] });
    const tells = `() => addEventListener("securitypolicyviolation", ({ violatedDirective, blockedURI }) =>
      console.error(${JSON.stringify(VIOLATION)} + violatedDirective + " " + blockedURI))`;
    await this.send("script.addPreloadScript", { functionDeclaration: tells });
  }

  #receive({ id, type, result, error, message, method, params }) {
    if (id === undefined || id === null) {
      if (method === "log.entryAdded") this.#logged(params);
      return;
    }
    const { resolve, reject, what } = this.#waiting.get(id);
    this.#waiting.delete(id);
    if (type === "error") reject(new Error(`${what}: ${error}: ${message}`));
    else resolve(result);
  }

  #logged({ text, source }) {
    if (text?.startsWith(VIOLATION)) this.#violations.push(text);
    this.#tabs.get(source.context)?.said.push(text);
  }

  send(method, params = {}) {
    const id = this.#next++;
    const sent = new Promise((resolve, reject) => this.#waiting.set(id, { resolve, reject, what: method }));
    this.#socket.send(JSON.stringify({ id, method, params }));
    return sent;
  }

  async open(url) {
    const { context } = await this.send("browsingContext.create", { type: "tab" });
    const tab = new FirefoxTab(this, context);
    this.#tabs.set(context, tab);
    await tab.go(url);
    return tab;
  }

  checkViolations() {
    const { length } = this.#violations;
    if (length === this.violationsMeant) return;
    throw new Error(`${length} violations of the page's policy: ${this.#violations.join("; ")}`);
  }

  async report() {
    const reports = [...this.#tabs.values()].map((tab) => {
      const soon = new Deadline(3_000, "the report");
      return Promise.race([tab.report(), this.died, soon.passed]).catch((error) => String(error));
    });
    return `The browser said:\n${this.#said}\n${(await Promise.all(reports)).join("\n")}`;
  }

  /** Ends it as its menu does; the profile stays. */
  async close() {
    const child = this.#child;
    this.#child = undefined;
    this.#tabs.clear();
    if (child && child.exitCode === null && child.signalCode === null) {
      const ended = once(child, "exit");
      this.send("browser.close").catch(() => undefined);
      const timer = setTimeout(() => process.kill(-child.pid, "SIGKILL"), 10_000);
      await ended;
      clearTimeout(timer);
    }
    this.#socket?.terminate();
    this.#waiting.clear();
  }

  async restart() {
    if (this.#child) await this.close();
    await this.#launch();
  }

  async end() {
    if (this.#child) await this.close();
    await rm(this.#profile, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
  }
}

class FirefoxTab extends Tab {
  constructor(browser, context) {
    super();
    this.browser = browser;
    this.context = context;
  }

  async go(url) {
    // A navigation that follows another closely may be dropped for it.
    await until(`${url} is opened`, async () => {
      await this.browser.send("browsingContext.navigate", { context: this.context, url, wait: "interactive" });
      return ((await this.evaluate("location.href")) === "about:blank") === (url === "about:blank");
    });
  }

  async evaluate(expression) {
    const { type, result, exceptionDetails } = await this.browser.send("script.evaluate", {
      expression: `(async () => JSON.stringify(await (${expression})))()`,
      target: { context: this.context },
      awaitPromise: true,
      userActivation: true,
    });
    if (type === "exception") throw new Error(exceptionDetails.text);
    return result.value === undefined ? undefined : JSON.parse(result.value);
  }

  async close() {
    this.isClosed = true;
    await this.browser.send("browsingContext.close", { context: this.context });
  }
}
