// Runs of blanks are written out, so that nothing is pushed out of sight or made to look like another column.

const RUN = /[ \u00a0\u2009\u200a\u202f\u3000]{4,}/g;

/** The text with each blank of a run of more than three as `␣`, or as `⍽` where the line may not break. */
export function visibleBlanks(text: string): string {
  return text.replace(RUN, (run) => run.replace(/[\u00a0\u202f]/g, "⍽").replace(/[^⍽]/g, "␣"));
}
