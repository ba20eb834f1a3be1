// What docs/testing-the-page.md tells people who write scripts: each name is one of the catalogue's, each id is on a screen.

import { expect, it } from "vitest";

import page from "../../../docs/testing-the-page.md?raw";
import { english as englishOfBrowser } from "../browser/words/en";
import { english } from "./en";

const sources = Object.values(
  import.meta.glob<string>("../**/*.svelte", { query: "?raw", import: "default", eager: true }),
).join("\n");

const rows = [...page.matchAll(/^\| (.+) \| (\w+) \| (.+) \| (.+) \|$/gm)]
  .map(([, where, role, called, id]) => ({ where: where ?? "", role: role ?? "", called: called ?? "", id: id ?? "" }))
  .filter(({ role }) => role !== "role");

/** The texts of a catalogue; those with a number for six digits. */
function texts(value: unknown): string[] {
  if (typeof value === "string") return [value];
  if (typeof value === "function") {
    try {
      return texts((value as (digits: number) => unknown)(6));
    } catch {
      return [];
    }
  }
  return typeof value === "object" && value !== null ? Object.values(value).flatMap(texts) : [];
}

const known = new Set(texts([english("phone"), englishOfBrowser("phone")]));

it("names controls as the screens do", () => {
  expect(rows.length).toBeGreaterThan(30);
  expect(rows.filter(({ called }) => !known.has(called))).toEqual([]);
});

it("lists ids and screens that there are", () => {
  const has = (id: string) =>
    sources.includes(`id="${id}"`) || (id.startsWith("nav-") && sources.includes(`id="nav-{tab}"`));
  const ids = rows.flatMap(({ id }) => [...id.matchAll(/`([\w-]+)`/g)].map(([, found]) => found ?? ""));
  expect(ids.length).toBeGreaterThan(30);
  expect(ids.filter((id) => !has(id))).toEqual([]);
  const places = rows.flatMap(({ where }) => [...where.matchAll(/`([\w-]+)`/g)].map(([, found]) => found ?? ""));
  expect(places.filter((place) => !sources.includes(`data-screen="${place}"`))).toEqual([]);
});
