// Steps that tests of the page share.

import { until } from "./chromium.mjs";

/** Opens the page with a link, of the user's own where no token is given: it says whose it is. */
export async function linkOpened(browser, provider, user, prepare = async () => {}, token = undefined) {
  const tab = await browser.open("about:blank");
  await prepare(tab);
  await tab.go(`${provider.origin}/device/#${token ?? (await provider.linkToken(user))}`);
  await tab.screen("preview");
  const address = await tab.evaluate("location.href");
  equal(address, `${provider.origin}/device/`, "the token left the address bar");
  return tab;
}

/** Opens the page with a link and enrolls as the page's screens lead. */
export async function enroll(browser, provider, user, prepare) {
  const tab = await linkOpened(browser, provider, user, prepare);
  await tab.click("#confirm");
  return tab;
}

/** `settled`: goes on to the requests, without being woken and without practice. */
export async function enrollByPin(browser, provider, user, prepare, settled = true) {
  const tab = await enroll(browser, provider, user, prepare);
  // There is no authenticator: that is said first.
  await tab.screen("no-screen-lock");
  await tab.click("#choose-pin");
  await choosePin(tab);
  if (settled) await settle(tab);
  return tab;
}

/** Chooses the PIN that `approveByPin` types. */
export async function choosePin(tab) {
  await tab.screen("pin-new");
  await tab.type("#pin", "271828");
  await tab.type("#pin-again", "271828");
  await tab.click("#enroll");
}

/** A page without passkeys, opened with a link, in a browser that says this of itself (`Emulation.setUserAgentOverride`). */
export async function withoutPasskeys(browser, provider, told = undefined) {
  const tab = await browser.open("about:blank");
  if (told) await tab.send("Emulation.setUserAgentOverride", told);
  await tab.send("Page.addScriptToEvaluateOnNewDocument", { source: "delete window.PublicKeyCredential" });
  const token = await provider.linkToken("alice");
  await tab.send("Page.navigate", { url: `${provider.origin}/device/#${token}` });
  return { tab, token };
}

export async function enrollByPasskey(browser, provider, user) {
  let authenticator;
  const tab = await enroll(browser, provider, user, async (tab) => (authenticator = await tab.addAuthenticator()));
  await settle(tab);
  return { tab, authenticator };
}

/** From a new account to the requests, without being woken and without practice. */
export async function settle(tab) {
  await tab.screen("wake");
  await tab.click("#without");
  await tab.screen("practice");
  await tab.click("#skip");
  await tab.screen("requests");
}

export function equal(found, wanted, what) {
  const [one, other] = [JSON.stringify(found), JSON.stringify(wanted)];
  if (one !== other) throw new Error(`${what}: ${one}, not ${other}`);
}

/** The claim `approval` of an access token. */
export function approval(tokens) {
  if (!tokens.access_token) throw new Error(`no tokens: ${JSON.stringify(tokens)}`);
  return JSON.parse(Buffer.from(tokens.access_token.split(".")[1], "base64url")).approval;
}

/** Parameters of a payment of 80 euros, and of a request with a number that the client's own screen shows. */
export const PAYMENT = {
  authorization_details: JSON.stringify([
    {
      type: "payment_initiation",
      instructedAmount: { currency: "EUR", amount: "80.00" },
      creditorName: "Acme Coffee, Berlin",
      creditorAccount: { iban: "DE02100100109307118603" },
    },
  ]),
};
export const NUMBER = { interaction_type: "input_manual" };

/** An app's own browser on Android (WebView). */
export const IN_APP =
  "Mozilla/5.0 (Linux; Android 16; Pixel 9 Build/BP2A; wv) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/145.0 Mobile Safari/537.36";

/** The PIN of `choosePin`, typed where an approval asks for it. */
export async function approveByPin(tab) {
  await tab.click("#approve");
  await until("the PIN is asked", () => tab.evaluate(`!!document.querySelector("#pin")`));
  await tab.type("#pin", "271828");
  await tab.click("#pin-approve");
}
