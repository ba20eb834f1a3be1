// English; see ../../words/en.ts.

import type { Here } from "../../backend/backend";
import type { PendingRequest } from "../../backend/types";

export const english = (here: Here) => {
  const it = here === "phone" ? "phone" : "computer";
  const asks = here === "phone" ? "your finger or face" : "your finger, face or PIN";
  const kind: Record<PendingRequest["kind"], string> = {
    login: "this sign-in",
    payment: "this payment",
    consent: "this consent",
    device: "this new phone or computer",
    other: "this request",
  };
  return {
    starting: {
      link: "Checking this link …",
      accounts: "Opening your accounts …",
      slow: "The line is slow. Please wait a moment.",
      progress: "Loading",
    },

    notLoaded: {
      title: "This page did not load fully",
      lead: "Check the network, then try again. Nothing was sent.",
      link: "Your link still works.",
      again: "Try again",
    },

    elsewhere: {
      title: { android: "Open this in Chrome", ios: "Open this in Safari", other: "Open this in your browser" },
      lead: "An app shows this page. It can’t ask for your screen lock. Your link still works there.",
      bare: "An app shows this page. It can’t ask for your screen lock.",
      open: { android: "Open in Chrome", ios: "Open in Safari", other: "Open in your browser" },
      nothing: {
        android: "If nothing happens, copy the link and paste it into Chrome.",
        ios: "If nothing happens, copy the link and paste it into Safari.",
        other: "Copy the link and paste it into your browser.",
      },
      copy: "Copy the link",
      copied: "Copied. It is a secret: give it to nobody.",
      notCopied: "It could not be copied. Press long on the link.",
      show: "Show the link and its QR code",
      code: "QR code of the link",
      stay: "Go on here, with a PIN",
    },

    noLock: {
      title: `This ${it} has no screen lock`,
      lead: `Set one in the settings of this ${it}, then check again. Or choose a PIN for this page.`,
      check: "Check again",
      pin: "Choose a PIN",
      still: `There is still none. Some browsers need a moment, or a restart of this ${it}.`,
    },

    forgets: "This browser will soon forget this page, as a private window does. Open the link in an ordinary window.",

    linkLost:
      "The page was loaded again. The link is a secret, so it was forgotten. Scan or open it once more; if it is not taken, ask for a new one.",

    otherHost: (host: string) => `This link belongs to ${host}. Open it in the browser, not on this page.`,

    welcome: {
      /** By a passkey that the person has for this page already. */
      resume: `Continue on this ${it}`,
      code: "I have a QR code",
      newPhone: `I have a new ${it}`,
    },

    scan: {
      title: "Hold the code before the camera",
      lead: "The camera is on while this is open. Nothing is recorded.",
      picture: "What the camera sees",
      again: "Try again",
      paste: "Paste a link",
      problem: {
        refused: "The camera is not allowed here. Allow it in the settings of this page, or paste the link.",
        absent: "There is no camera that this page could use. Paste the link instead.",
        busy: "Another program uses the camera. Close it and try again, or paste the link.",
      },
      noLink: "This is another code, not a set-up link.",
      otherHost: (host: string) =>
        `This code belongs to ${host}. Scan it with the camera app of your ${it}, not on this page.`,
    },

    newPhone: {
      title: `A new ${it}`,
      steps: [
        "Ask for a new set-up link where you got the first one.",
        `Scan or open it here. This ${it} gets a key of its own; the old one can’t be copied.`,
        "Then have the old one removed there, above all if it is lost.",
      ],
      scan: "Scan the code",
    },

    diagnostics: {
      title: "What this browser can do",
      lead: "Copy this and send it to whoever helps you. There is no secret and no name in it.",
      copy: "Copy",
      copied: "Copied.",
      notCopied: "It could not be copied. Select the lines and copy them.",
    },

    sheet: {
      setUp: `Your ${it} asks for ${asks} now. It says “passkey”; it is for your approvals on this page only.`,
      approve: (what: string, amount: string | undefined) =>
        `When you approve, your ${it} asks for ${asks}. It says “passkey” or “sign in”; it is for ${what}${amount ? ` of ${amount}` : ""} only.`,
      kind,
    },
  };
};

export type BrowserWords = ReturnType<typeof english>;
