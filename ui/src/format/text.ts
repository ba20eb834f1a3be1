// Text from outside as it is shown: composed, and its lines numbered where it has several.

import { visibleBlanks } from "./blanks";

/** How far a row may be indented, in blanks. */
const INDENTED = 8;

export interface NumberedLine {
  /** "3", or "3–14" for a run of empty lines. */
  number: string;
  text: string;
  /** How many empty lines this stands for; 0 for one that is not empty. */
  empty: number;
}

/** The text in normalization form C. What is signed stays as it was sent. */
export function composed(text: string): string {
  return text.normalize("NFC");
}

/** Text of one line as it is shown: composed, runs of blanks written out. */
export function oneLine(text: string): string {
  return visibleBlanks(composed(text));
}

/** A row of a block: indented as far as texts are, runs of blanks beyond that written out. */
function row(text: string): string {
  const spaces = text.replaceAll("\t", "    ");
  const indent = Math.min(spaces.length - spaces.trimStart().length, INDENTED);
  return spaces.slice(0, indent) + visibleBlanks(spaces.slice(indent));
}

/** The lines of a text that has several; null for one line. A run of empty lines is one, which counts them. */
export function numberedLines(text: string): NumberedLine[] | null {
  if (!text.includes("\n")) return null;
  const lines: NumberedLine[] = [];
  const all = composed(text).split("\n");
  for (let at = 0; at < all.length;) {
    let end = at;
    while (end < all.length && all[end]?.trim() === "") end += 1;
    const empty = end - at;
    if (empty > 0) {
      lines.push({ number: empty === 1 ? `${at + 1}` : `${at + 1}–${end}`, text: "", empty });
      at = end;
    } else {
      lines.push({ number: `${at + 1}`, text: row(all[at] ?? ""), empty: 0 });
      at += 1;
    }
  }
  return lines;
}
