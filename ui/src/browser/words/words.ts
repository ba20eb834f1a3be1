// The catalogues of the screens that only a browser has.

import type { Here } from "../../backend/backend";
import type { Locale } from "../../words/words";
import { german } from "./de";
import { english, type BrowserWords } from "./en";

export type { BrowserWords } from "./en";

export function browserWords(locale: Locale, here: Here): BrowserWords {
  return locale === "de" ? german(here) : english(here);
}
