// Text from outside as it is shown: composed, and its lines numbered where it has several.

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
      lines.push({ number: `${at + 1}`, text: all[at] ?? "", empty: 0 });
      at += 1;
    }
  }
  return lines;
}
