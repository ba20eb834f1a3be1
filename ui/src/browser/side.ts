// The browser's side of a page that is the device.

import { DIAGNOSTICS, type WebBackend } from "../backend/web";
import { forgets, hasPasskeys, screenLock } from "./abilities";
import { BackButton } from "./backButton";
import type { BrowserScreen, BrowserSide } from "./browser";
import { isInApp } from "./inApp";
import Diagnostics from "./screens/Diagnostics.svelte";
import Elsewhere from "./screens/Elsewhere.svelte";
import NewPhone from "./screens/NewPhone.svelte";
import NoScreenLock from "./screens/NoScreenLock.svelte";
import NotLoaded from "./screens/NotLoaded.svelte";
import Scan from "./screens/Scan.svelte";
import Starting from "./screens/Starting.svelte";
import Welcome from "./screens/Welcome.svelte";
import { countSheet, sheetSentence } from "./sheets";
import { followVisibleHeight } from "./visibleHeight";
import { browserWords } from "./words/words";

function firstScreen(): BrowserScreen | undefined {
  if (location.hash === DIAGNOSTICS) return "diagnostics";
  const { userAgent, maxTouchPoints: touchPoints } = navigator;
  const inApp = isInApp({ userAgent, touchPoints, hasPasskeys: hasPasskeys(), isSecure: window.isSecureContext });
  return inApp ? "elsewhere" : undefined;
}

/** The host of a link that is not this page's own. What is no URL at all is for the device to judge. */
export function otherHost(link: string): string | undefined {
  try {
    const url = new URL(link);
    return /^https?:$/.test(url.protocol) && url.origin !== location.origin ? url.host : undefined;
  } catch {
    return undefined;
  }
}

/** The name that the provider put into its page. */
export function providerName(): string {
  const meta = document.querySelector<HTMLMetaElement>('meta[name="application-name"]');
  return meta?.content || location.hostname;
}

export function browserSide(backend: WebBackend): BrowserSide {
  const backButton = new BackButton();
  return {
    name: providerName(),
    screens: {
      starting: Starting,
      "not-loaded": NotLoaded,
      elsewhere: Elsewhere,
      "no-screen-lock": NoScreenLock,
      welcome: Welcome,
      scan: Scan,
      diagnostics: Diagnostics,
      "new-phone": NewPhone,
    },
    first: firstScreen(),
    get linkLost() {
      return backend.linkLost;
    },
    words: (locale) => browserWords(locale, backend.here),
    link: () => backend.link(),
    otherHost,
    screenLock,
    forgets,
    sheetSentence: (request, locale) => sheetSentence(request, locale, backend.here),
    countSheet,
    follow: (appState) => {
      const unfollow = [followVisibleHeight(), backButton.follow(appState)];
      const diagnose = () => {
        if (location.hash === DIAGNOSTICS) appState.screen = { name: "diagnostics" };
      };
      addEventListener("hashchange", diagnose);
      return () => {
        removeEventListener("hashchange", diagnose);
        for (const end of unfollow) end();
      };
    },
    screenChanged: (appState) => backButton.screenChanged(appState),
  };
}
