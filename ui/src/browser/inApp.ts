// An app's own browser (a scanner's, a mail program's, a messenger's): it has no passkeys, and forgets what it keeps when it likes.

export type System = "android" | "ios" | "other";

export function system(userAgent: string, touchPoints: number): System {
  if (/Android/.test(userAgent)) return "android";
  // An iPad says that it is a Mac; no Mac has more than one touch point.
  if (/iPhone|iPad|iPod/.test(userAgent) || (/Macintosh/.test(userAgent) && touchPoints > 1)) return "ios";
  return "other";
}

/**
 * Whether this page is shown by an app and not by the phone's browser. Every browser of a phone has `PublicKeyCredential` on a secure
 * page; a computer's may lack it, and is the person's browser all the same.
 */
export function isInApp(here: {
  userAgent: string;
  touchPoints: number;
  hasPasskeys: boolean;
  isSecure: boolean;
}): boolean {
  return here.isSecure && !here.hasPasskeys && system(here.userAgent, here.touchPoints) !== "other";
}

/**
 * An address that has the system open `link` in its own browser; `undefined` where no system is known to.
 * Android: an intent URL, whose data may have a fragment, for the last # alone begins the intent. iOS: Safari's own scheme, which Apple
 * does not document; where an app ignores it, the words below the button are what is left.
 */
export function browserAddress(link: string, on: System): string | undefined {
  const { groups } = /^(?<scheme>https?):\/\/(?<rest>.+)$/s.exec(link) ?? {};
  if (!groups) return undefined;
  if (on === "android") {
    const intent = `scheme=${groups["scheme"]};action=android.intent.action.VIEW;package=com.android.chrome;end`;
    return `intent://${groups["rest"]}#Intent;${intent}`;
  }
  return on === "ios" ? `x-safari-${link}` : undefined;
}
