import { describe, expect, it } from "vitest";

import type { Here } from "../backend/backend";
import { english as englishOfBrowser } from "../browser/words/en";
import { german as germanOfBrowser } from "../browser/words/de";
import { german } from "./de";
import { en, english } from "./en";
import { scopesText } from "./words";

/** Every text of a catalogue with its place; functions get names that are no words of ours. */
function texts(value: unknown, place = ""): [string, string][] {
  if (typeof value === "string") return [[place, value]];
  if (typeof value === "function") {
    const make = value as (...all: unknown[]) => unknown;
    const known = [["Acme", "Alice"], [3, "s"], [9], []].map((all) => {
      try {
        return make(...all);
      } catch {
        return "";
      }
    });
    return known.flatMap((text) => texts(text, place));
  }
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([member, inner]) => texts(inner, place ? `${place}.${member}` : member));
}

const FIELDS_WORDS = {
  en: /\b(providers?|enrol\w*|devices?|clients?|evidence|held back|scopes?|openid|tokens?|issuers?|challenges?)\b/i,
  de: /Anbieter|Gerät|Client|Beweis|zurückgehalten|Scope|OpenID|Token|Aussteller|Challenge/i,
};

describe.each(["computer", "phone"] as Here[])("the words on a %s", (here) => {
  it.each([
    ["en", { ...english(here), browser: englishOfBrowser(here) }],
    ["de", { ...german(here), browser: germanOfBrowser(here) }],
  ] as const)("are a person’s own (%s)", (locale, words) => {
    const all = texts(words);
    expect(all.length).toBeGreaterThan(200);
    // The kind of request that admits another one is called as the record calls it.
    const found = all.filter(([place, text]) => place !== "kind.device" && FIELDS_WORDS[locale].test(text));
    expect(found).toEqual([]);
  });

  it("have the product’s name on the line about it alone", () => {
    for (const words of [english(here), german(here)]) {
      const named = texts(words).filter(([, text]) => text.includes("Countersign"));
      // A page has no keyring to ask.
      expect(named.map(([place]) => place)).toEqual(["app", "failure.keyring_unsupported"]);
    }
  });

  it("say what it is", () => {
    const other = here === "phone" ? /computer/i : /this phone|Handy/i;
    for (const words of [english(here), german(here)])
      expect(texts(words).filter(([, text]) => other.test(text))).toEqual([]);
  });
});

it("says what scopes mean where it can say it of each", () => {
  expect(scopesText("openid email", en)).toBe(`${en.scopes.openid}, ${en.scopes.email}`);
  for (const scope of ["openid accounts:read", "toString", ""]) expect(scopesText(scope, en)).toBeUndefined();
});
