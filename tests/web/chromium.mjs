// A headless Chromium, driven through the DevTools protocol over a pipe: no port, no other program.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

import { Deadline, Tab, until } from "./tab.mjs";

export { Deadline, until } from "./tab.mjs";

export class Chromium {
  /** How often pages may have acted against their policy in this test. */
  violationsMeant = 0;
  /** Rejects when the browser ends that nobody ended. */
  died;

  program;
  #options;
  #pages = [];
  #fail;
  #child;
  #profile;
  #next = 1;
  #waiting = new Map();
  #listeners = [];
  #said = "";

  /** `options`: more of the command line. */
  static async start(program, options = []) {
    const browser = new Chromium();
    browser.program = program;
    browser.#options = options;
    browser.died = new Promise((_, reject) => (browser.#fail = reject));
    browser.died.catch(() => undefined);
    browser.#profile = await mkdtemp(join(tmpdir(), "countersign-chromium-"));
    browser.#launch();
    return browser;
  }

  /** `kill -9`, and a start with what is on the disk. */
  async restart() {
    await this.#end("SIGKILL");
    this.#waiting.clear();
    this.#listeners = [];
    this.#launch();
  }

  #launch() {
    const options = [
      "--headless=new",
      "--no-sandbox", // needs a user of its own, which a container's root is not; the page is the test's
      "--disable-gpu",
      "--disable-dev-shm-usage", // a container has little of it
      "--no-first-run",
      "--remote-debugging-pipe",
      `--user-data-dir=${this.#profile}`,
      ...this.#options,
      "about:blank",
    ];
    // In a group of its own: its processes end with it.
    const child = spawn(this.program, options, {
      detached: true,
      stdio: ["ignore", "ignore", "pipe", "pipe", "pipe"],
    });
    this.#child = child;
    child.on("error", (error) => this.#fail(error));
    child.on("exit", (code, signal) => {
      if (child === this.#child) this.#fail(new Error(`the browser ended (${code ?? signal}):\n${this.#said}`));
    });
    // Written to while it ends.
    child.stdio[3].on("error", () => undefined);
    // Without what it says of a desktop that is not there.
    createInterface({ input: child.stderr }).on("line", (line) => {
      if (!line.includes("dbus")) this.#said = `${this.#said}${line}\n`.slice(-2000);
    });
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
    // Of a browser before this one.
    if (!this.#waiting.has(id)) return;
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
    const page = await this.#attach(targetId);
    await page.go(url);
    return page;
  }

  /** The window that a page has opened. */
  async opened() {
    const known = (targetId) => this.#pages.some((page) => page.targetId === targetId);
    const find = async () => {
      const { targetInfos } = await this.send("Target.getTargets");
      return targetInfos.find(
        ({ targetId, type, url }) => type === "page" && !known(targetId) && url !== "about:blank",
      );
    };
    return this.#attach((await until("a window that a page opens", find)).targetId);
  }

  async #attach(targetId) {
    const { sessionId } = await this.send("Target.attachToTarget", { targetId, flatten: true });
    const page = new Page(this, targetId, sessionId);
    this.#pages.push(page);
    await page.send("Page.enable");
    await page.send("Runtime.enable");
    await page.send("Log.enable");
    await page.send("Audits.enable");
    return page;
  }

  /** Throws if pages acted against their Content-Security-Policy or Trusted Types, or not as often as the test means. */
  checkViolations() {
    const violations = this.#pages.flatMap((page) => page.violations);
    if (violations.length !== this.violationsMeant) {
      throw new Error(
        `${violations.length} violations of the page's policy, ${this.violationsMeant} meant: ${violations.join("; ")}`,
      );
    }
  }

  /** What there is to see: each page's address, text and console. */
  async report() {
    const pages = this.#pages.filter(({ isClosed }) => !isClosed);
    const reports = pages.map((page) => {
      const soon = new Deadline(3_000, "the report");
      return Promise.race([page.report(), this.died, soon.passed]).catch((error) => String(error));
    });
    return `The browser said:\n${this.#said}\n${(await Promise.all(reports)).join("\n")}`;
  }

  async #end(signal) {
    const child = this.#child;
    this.#child = undefined;
    if (child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, "exit");
    child.kill(signal);
    const timer = setTimeout(() => child.kill("SIGKILL"), 5_000);
    await ended;
    clearTimeout(timer);
    try {
      process.kill(-child.pid, "SIGKILL");
    } catch {
      // None of the group is left.
    }
  }

  async end() {
    if (this.#child) await this.#end("SIGTERM");
    await rm(this.#profile, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
  }
}

export class Page extends Tab {
  constructor(browser, targetId, sessionId) {
    super();
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
      if (method === "Log.entryAdded") this.said.push(`${params.entry.text} ${params.entry.url ?? ""}`);
      if (method === "Audits.issueAdded" && params.issue.code === "ContentSecurityPolicyIssue") {
        const { violatedDirective, blockedURL, contentSecurityPolicyViolationType } =
          params.issue.details.contentSecurityPolicyIssueDetails;
        this.violations.push(`${contentSecurityPolicyViolationType} ${violatedDirective} ${blockedURL ?? ""}`);
      }
    });
  }

  send(method, params = {}) {
    return this.browser.send(method, params, this.sessionId);
  }

  go(url) {
    return this.send("Page.navigate", { url });
  }

  /** Evaluates an expression as if the person had just touched the page. */
  async evaluate(expression) {
    const options = { expression, awaitPromise: true, returnByValue: true, userGesture: true };
    const { result, exceptionDetails } = await this.send("Runtime.evaluate", options);
    if (exceptionDetails) throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
    return result.value;
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
    this.isClosed = true;
    await this.browser.send("Target.closeTarget", { targetId: this.targetId });
  }
}
