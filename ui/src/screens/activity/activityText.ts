// The state of a request in the activity, in words.

import type { ActivityEntry } from "../../backend/types";
import { endingText, type Words } from "../../words/words";

export function activityText(entry: ActivityEntry, words: Words): string {
  switch (entry.stage) {
    case "received":
    case "shown":
      return words.activity.waiting;
    case "answering":
      return words.activity.sending;
    case "refused":
      return words.activity.refused;
    case "ended":
      return endingText(entry, words);
  }
}
