// A tab of a browser, whichever it is: what is done in it, by evaluating expressions. And waiting.

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

/** Rejects after a time, unless it is cleared. */
export class Deadline {
  #timer;

  constructor(millis, what) {
    this.passed = new Promise((_, reject) => {
      this.#timer = setTimeout(() => reject(new Error(`${what} took more than ${millis / 1000} s`)), millis);
    });
    this.passed.catch(() => undefined);
  }

  clear() {
    clearTimeout(this.#timer);
  }
}

/** Its browser's part is `evaluate`: of an expression, as if the person had just touched the page. */
export class Tab {
  /** What its console and its exceptions said. */
  said = [];
  /** What it did against its Content-Security-Policy. */
  violations = [];
  isClosed = false;

  /** Waits for a screen of the page, by its name. */
  screen(name) {
    return until(`the screen ${name}`, async () => {
      const found = await this.evaluate(`document.querySelector("main")?.dataset.screen`);
      if (found !== name) throw new Error(`${found} ${await this.text()} ${this.said.join("; ")}`);
      return true;
    });
  }

  async report() {
    const address = await this.evaluate("location.href");
    return `${address}\n${await this.text()}\nIts console: ${this.said.join("\n")}`;
  }

  /** Waits until the page's text has this in it. */
  says(text) {
    return until(`"${text}" is said`, async () => (await this.text()).includes(text));
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
}
