// The first ten seconds: an app's own browser, a screen lock that is not there or does not say yes, reloads, a line that fails, the camera.

import { writeFile, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { Chromium, until } from "./chromium.mjs";
import { IN_APP, approval, choosePin, enrollByPasskey, equal, settle, withoutPasskeys } from "./steps.mjs";
import { encodeQR } from "../../ui/node_modules/qr/index.js";

const says = (tab, words) => until(`it says "${words}"`, async () => (await tab.text()).includes(words));

const beforeScripts = (tab, source) => tab.send("Page.addScriptToEvaluateOnNewDocument", { source });

/** Fails if an entry of the tab's history has this in its address. */
async function inNoEntry(tab, token) {
  const { entries } = await tab.send("Page.getNavigationHistory");
  if (entries.some(({ url }) => url.includes(token))) throw new Error("the link's token is in the history");
}

async function setUpByPin(tab) {
  await choosePin(tab);
  await settle(tab);
}

/** Asks for an approval, and has the screen lock answer as `prepare` arranges it: nothing is sent, and the next touch approves. */
async function notConfirmed(browser, provider, words, prepare, mend) {
  const { tab, authenticator } = await enrollByPasskey(browser, provider, "alice");
  const asked = await provider.ask("alice", "Order 1");
  await tab.screen("request");
  await says(tab, "it is for this");
  await prepare(tab, authenticator);
  await tab.click("#approve");
  await says(tab, words);
  equal((await provider.poll(asked)).error, "authorization_pending", "the request meanwhile");
  await mend(tab, authenticator);
  await tab.click("#approve");
  equal(approval(await provider.end(asked)).key.type, "webauthn", "the key's type");
}

/** A film of one picture for Chromium's fake camera (YUV4MPEG2): a QR code, grey around. */
function film(text) {
  const [width, height] = [640, 480];
  const rows = encodeQR(text, "raw", { ecc: "low", border: 4 });
  const scale = Math.floor(height / rows.length);
  const edge = rows.length * scale;
  const [left, top] = [(width - edge) >> 1, (height - edge) >> 1];
  const light = Buffer.alloc(width * height, 200);
  for (let y = 0; y < edge; y += 1)
    for (let x = 0; x < edge; x += 1) {
      const dark = rows[Math.floor(y / scale)][Math.floor(x / scale)];
      light[(y + top) * width + x + left] = dark ? 20 : 235;
    }
  const colour = Buffer.alloc((width * height) / 2, 128);
  const frame = Buffer.concat([Buffer.from("FRAME\n"), light, colour]);
  return Buffer.concat([Buffer.from(`YUV4MPEG2 W${width} H${height} F10:1 Ip A1:1 C420jpeg\n`), frame, frame]);
}

/** Runs `test` in a browser whose camera sees this code. */
async function beforeCamera(program, text, test) {
  const folder = await mkdtemp(join(tmpdir(), "countersign-film-"));
  const file = join(folder, "code.y4m");
  await writeFile(file, film(text));
  const camera = ["--use-fake-device-for-media-stream", `--use-file-for-fake-video-capture=${file}`];
  const browser = await Chromium.start(program, [...camera, "--use-fake-ui-for-media-stream"]);
  try {
    await test(browser);
    browser.checkViolations();
  } finally {
    await browser.end();
    await rm(folder, { recursive: true });
  }
}

export const tests = {
  async "an app's own browser leads to Chrome, and the link is still good there"({ browser, provider }) {
    const { tab, token } = await withoutPasskeys(browser, provider, { userAgent: IN_APP });
    await tab.screen("elsewhere");
    await inNoEntry(tab, token);
    const address = await tab.evaluate(`document.querySelector("#open-elsewhere").href`);
    const [, rest, scheme] = /^intent:\/\/(.*)#Intent;scheme=(https?);/.exec(address);
    // The other browser has a storage of its own; this one has one, and one page is the device.
    await tab.close();
    const there = await browser.open(`${scheme}://${rest}`, true);
    await there.screen("preview");
    await there.click("#confirm");
    await there.screen("no-screen-lock");
    await there.click("#choose-pin");
    await setUpByPin(there);
  },

  async "a computer's browser without passkeys sets up with a PIN, and is sent nowhere else"({ browser, provider }) {
    const { tab, token } = await withoutPasskeys(browser, provider);
    await tab.screen("preview");
    await tab.click("#confirm");
    await setUpByPin(tab);
    await inNoEntry(tab, token);
  },

  async "a screen lock that does not know the person, or is cancelled, sends nothing and may be tried again"({
    browser,
    provider,
  }) {
    const verified = (isUserVerified) => (tab, authenticatorId) =>
      tab.send("WebAuthn.setUserVerified", { authenticatorId, isUserVerified });
    await notConfirmed(browser, provider, "It was cancelled", verified(false), verified(true));
  },

  async "a screen lock that nobody touches ends in time, sends nothing, and may be tried again"({ browser, provider }) {
    const touched = (enabled) => (tab, authenticatorId) =>
      tab.send("WebAuthn.setAutomaticPresenceSimulation", { authenticatorId, enabled });
    const leave = async (tab, authenticatorId) => {
      // The page's own patience, which is longer than a test's: its clock jumps when that is over.
      await tab.evaluate(`(() => {
        const [later, now] = [window.setTimeout, performance.now.bind(performance)];
        let jump = 0;
        performance.now = () => now() + jump;
        window.setTimeout = (run, millis, ...more) => {
          if (!(millis > 100000 && millis <= 110000)) return later(run, millis, ...more);
          return later(() => ((jump += millis), run()), 1000);
        };
      })()`);
      await touched(false)(tab, authenticatorId);
    };
    await notConfirmed(browser, provider, "Nobody confirmed it in time", leave, touched(true));
  },

  async "a reload at each step says that the link was forgotten, and the same link goes on"({ browser, provider }) {
    const tab = await browser.open("about:blank");
    const token = await provider.linkToken("alice");
    await tab.send("Page.navigate", { url: `${provider.origin}/device/#${token}` });
    const again = async () => {
      await tab.send("Page.reload");
      await tab.screen("link");
      await says(tab, "The page was loaded again");
      await inNoEntry(tab, token);
      await tab.type("#link", `${provider.origin}/push/enroll#${token}`);
      await tab.click("#continue");
      await tab.screen("preview");
    };
    await tab.screen("preview");
    await again();
    await tab.click("#confirm");
    await tab.screen("no-screen-lock");
    await again();
    await tab.click("#confirm");
    await tab.click("#choose-pin");
    await tab.screen("pin-new");
    await again();
    await tab.click("#confirm");
    await tab.click("#choose-pin");
    await setUpByPin(tab);
    await tab.send("Page.reload");
    await tab.screen("requests");
    await inNoEntry(tab, token);
  },

  async "Back leads one step out, never out of the page with a link in hand"({ browser, provider }) {
    const tab = await browser.open("about:blank");
    const token = await provider.linkToken("alice");
    await tab.send("Page.navigate", { url: `${provider.origin}/device/#${token}` });
    await tab.screen("preview");
    await tab.click("#confirm");
    await tab.click("#choose-pin");
    await tab.screen("pin-new");
    await tab.evaluate("history.back()");
    await tab.screen("preview");
    await until("a step is left", () => tab.evaluate("history.state?.inner === true"));
    await tab.evaluate("history.back()");
    await tab.screen("welcome");
    await tab.click("#have-link");
    await tab.screen("preview");
    await inNoEntry(tab, token);
  },

  async "a part that does not load is told, and the same link is good when it does"({ browser, provider }) {
    const tab = await browser.open("about:blank");
    await tab.send("Network.enable");
    await tab.send("Network.setBlockedURLs", { urls: ["*.wasm*"] });
    await tab.send("Page.navigate", { url: `${provider.origin}/device/#${await provider.linkToken("alice")}` });
    await tab.screen("not-loaded");
    await says(tab, "Your link still works.");
    await tab.send("Network.setBlockedURLs", { urls: [] });
    await tab.click("#again");
    await tab.screen("preview");
  },

  async "the camera reads a link of this page, and is off after that"({ browser, provider }) {
    const link = `${provider.origin}/push/enroll#${await provider.linkToken("alice")}`;
    await beforeCamera(browser.program, link, async (camera) => {
      const tab = await camera.open("about:blank");
      await beforeScripts(
        tab,
        `(() => {
          const ask = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
          navigator.mediaDevices.getUserMedia = async (...more) => (window.seen = await ask(...more));
        })()`,
      );
      await tab.send("Page.navigate", { url: `${provider.origin}/device/` });
      await tab.click("#have-code");
      await tab.screen("preview");
      const off = `window.seen.getTracks().every(({ readyState }) => readyState === "ended")`;
      await until("the camera is off", () => tab.evaluate(off));
    });
  },

  async "attack: a code of another origin before the camera is named, and nothing is asked of it"({
    browser,
    provider,
  }) {
    await beforeCamera(browser.program, "https://evil.example/push/enroll#a.b.c", async (camera) => {
      const tab = await camera.open(`${provider.origin}/device/`);
      await tab.click("#have-code");
      await says(tab, "evil.example");
      await tab.screen("scan");
    });
  },

  async "the screen for helpers says what this browser can do"({ browser, provider }) {
    const tab = await browser.open(`${provider.origin}/device/#diagnostics`);
    await tab.screen("diagnostics");
    for (const words of ["passkeys", "true", "ahead of the server", "Chrome/"]) await says(tab, words);
    await tab.click("#close");
    await tab.screen("welcome");
  },
};
