// Keys as a keyboard sends them, and what a screen reader is given.

import { until } from "./chromium.mjs";

const KEYS = {
  Tab: { key: "Tab", code: "Tab", windowsVirtualKeyCode: 9 },
  Enter: { key: "Enter", code: "Enter", windowsVirtualKeyCode: 13, text: "\r" },
  Space: { key: " ", code: "Space", windowsVirtualKeyCode: 32, text: " " },
  ArrowDown: { key: "ArrowDown", code: "ArrowDown", windowsVirtualKeyCode: 40 },
};

/** More elements than any screen has. */
const MOST = 40;

export class Keyboard {
  /** Keys pressed so far. */
  pressed = 0;
  #tab;

  constructor(tab) {
    this.#tab = tab;
  }

  /** The page has the focus although no window has: headless. */
  static async of(tab) {
    await tab.send("Emulation.setFocusEmulationEnabled", { enabled: true });
    return new Keyboard(tab);
  }

  async press(name) {
    this.pressed += 1;
    const key = KEYS[name] ?? {
      key: name,
      code: `Digit${name}`,
      windowsVirtualKeyCode: name.charCodeAt(0),
      text: name,
    };
    await this.#tab.send("Input.dispatchKeyEvent", { type: key.text ? "keyDown" : "rawKeyDown", ...key });
    await this.#tab.send("Input.dispatchKeyEvent", { type: "keyUp", ...key, text: undefined });
  }

  async type(digits) {
    for (const digit of digits) await this.press(digit);
  }

  isAt(selector) {
    return this.#tab.evaluate(`!!document.activeElement?.matches(${JSON.stringify(selector)})`);
  }

  /** Presses Tab until this has the focus. Every stop on the way is seen: it has an outline, or what shows it has. */
  async to(selector) {
    const way = [];
    for (let at = 0; at < MOST; at += 1) {
      if (await this.isAt(selector)) return;
      await this.press("Tab");
      way.push(await this.#tab.evaluate(`(document.activeElement?.id || document.activeElement?.tagName) ?? "none"`));
    }
    throw new Error(`the Tab key does not come to ${selector}, but to ${way.join(", ")}`);
  }

  /** Goes to a button and presses it once it works. */
  async use(selector) {
    await until(`${selector} is there`, () =>
      this.#tab.evaluate(`!!document.querySelector(${JSON.stringify(selector)})`),
    );
    await this.to(selector);
    const works = `document.activeElement.getAttribute("aria-disabled") !== "true"`;
    await until(`${selector} works`, () => this.#tab.evaluate(works));
    await this.press("Enter");
  }
}

/** The nodes of the accessibility tree that are read, in reading order: role, name, description. */
export async function heard(tab) {
  await tab.send("Accessibility.enable");
  const { nodes } = await tab.send("Accessibility.getFullAXTree");
  const byId = new Map(nodes.map((node) => [node.nodeId, node]));
  const found = [];
  const walk = (node) => {
    if (!node) return;
    if (!node.ignored) {
      const [role, name, description] = [node.role, node.name, node.description].map((it) => it?.value ?? "");
      found.push({ role, name, description });
    }
    for (const id of node.childIds ?? []) walk(byId.get(id));
  };
  walk(nodes.find(({ parentId }) => parentId === undefined));
  return found;
}
