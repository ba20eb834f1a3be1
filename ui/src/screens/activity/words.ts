// How far a request in the activity came, in words.

import type { ActivityEntry } from "../../backend/types";
import { endingWords, type Words } from "../../words/words";

export function pastWords(past: ActivityEntry, w: Words): string {
  switch (past.stage) {
    case "received":
    case "shown":
      return w.activity.waiting;
    case "answering":
      return w.activity.sending;
    case "refused":
      return w.activity.refused;
    case "ended":
      return endingWords(past, w);
  }
}
