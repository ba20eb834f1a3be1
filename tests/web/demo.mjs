// The demo's till: this browser as Alice's phone, in a window of its own. With PICTURE=FILE a picture of both is kept.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createInterface } from "node:readline";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { until } from "./chromium.mjs";
import { equal, settle } from "./steps.mjs";

const [page, countersign] = process.argv.slice(2);

/** `countersign demo` on localhost, which browsers make passkeys for. */
class Demo {
  static async start() {
    const demo = new Demo();
    demo.folder = await mkdtemp(join(tmpdir(), "countersign-demo-"));
    const options = ["--json", "--no-app", "--listen", "127.0.0.1:0", "--home", join(demo.folder, "demo")];
    const env = { ...process.env, COUNTERSIGN_WEB: page };
    demo.child = spawn(countersign, ["demo", ...options], { env, stdio: ["pipe", "pipe", "pipe"] });
    let said = "";
    demo.child.stderr.on("data", (chunk) => (said = (said + chunk).slice(-4000)));
    const lines = createInterface({ input: demo.child.stdout });
    const first = await Promise.race([once(lines, "line"), once(demo.child, "exit")]);
    if (typeof first[0] !== "string") throw new Error(`the demo ended:\n${said}`);
    demo.ready = JSON.parse(first[0]);
    return demo;
  }

  async stop() {
    if (this.child.exitCode === null) {
      const ended = once(this.child, "exit");
      this.child.kill("SIGTERM");
      await ended;
    }
    await rm(this.folder, { recursive: true, force: true });
  }
}

/** Makes a page so large, in CSS pixels. */
function size(tab, width, height) {
  return tab.send("Emulation.setDeviceMetricsOverride", { width, height, deviceScaleFactor: 1, mobile: false });
}

async function picture(tab) {
  return (await tab.send("Page.captureScreenshot", { format: "png" })).data;
}

/** The till beside the phone, on one picture. */
async function beside(browser, till, phone, file) {
  const images = [await picture(till), await picture(phone)].map((data) => `<img src="data:image/png;base64,${data}">`);
  const style =
    "body{margin:0;padding:24px;display:flex;gap:24px;background:#c9c5bc}img{border-radius:11px;height:760px}img+img{border-radius:28px}";
  const both = await browser.open("about:blank");
  await size(both, 960 + 354 + 72, 760 + 48);
  const { frameTree } = await both.send("Page.getFrameTree");
  const html = `<!doctype html><title>-</title><style>${style}</style>${images.join("")}`;
  await both.send("Page.setDocumentContent", { frameId: frameTree.frame.id, html });
  await until("both pictures", () => both.evaluate("[...document.images].every((one) => one.naturalWidth > 0)"));
  await writeFile(file, Buffer.from(await picture(both), "base64"));
}

export const tests = {
  async "the till opens Alice's phone beside it, one touch makes it hers, and it approves a coffee"({ browser }) {
    const demo = await Demo.start();
    try {
      const till = await browser.open(demo.ready.till_url);
      await size(till, 960, 760);
      await until("this browser can be her phone", () =>
        till.evaluate(`document.querySelector("#this-browser:not(:disabled)")?.checkVisibility() ?? false`),
      );
      await till.click("#this-browser");
      const phone = await browser.opened();
      await phone.addAuthenticator();
      const issuer = demo.ready.issuer;
      equal(/^http:\/\/localhost:\d+$/.test(issuer), true, `${issuer} is a name, and passkeys are made for it`);
      await phone.screen("preview");
      equal(await phone.evaluate("location.href"), `${issuer}/device/`, "the token left the address bar");
      await phone.click("#confirm");
      await settle(phone);
      const [width, opener] = await phone.evaluate("[innerWidth, window.opener]");
      equal([width, opener], [400, null], "as wide as a phone, and no way to the till");
      await until("the till names it", () =>
        till.evaluate(`document.querySelector("#device-state .device")?.textContent.includes("ready") ?? false`),
      );
      equal(await till.evaluate(`document.querySelector("#code-form").hidden`), true, "no code is asked for");

      await till.click("button[data-item=flat-white]");
      await phone.screen("request");
      const asked = await phone.text();
      equal(asked.includes("4.20") && asked.includes("Acme Coffee"), true, `what the till asked for: ${asked}`);
      await until("the till knows", () => till.evaluate(`!!document.querySelector("#reached")`));
      if (process.env.PICTURE) {
        await size(phone, 400, 860);
        await until("it may be approved", () =>
          phone.evaluate(`!!document.querySelector("#approve[aria-disabled=false]")`),
        );
        await till.evaluate("document.querySelector('main').scrollIntoView()");
        await beside(browser, till, phone, process.env.PICTURE);
        await till.toFront();
        await phone.toFront();
      }
      await phone.click("#approve");
      await until("it is paid", () =>
        till.evaluate(`!!document.querySelector("#request[data-state=approved] #receipt")`),
      );

      // Another press is another link, and does not take the first one's place.
      await till.click("#this-browser");
      const second = await browser.opened();
      await until("a window again", async () => (await second.evaluate("location.href")).includes("/device/"));
    } finally {
      await demo.stop();
    }
  },
};
