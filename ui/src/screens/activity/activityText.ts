// The state of a request in the activity, in words.

import type { ActivityEntry } from "../../backend/types";
import { oneLine } from "../../format/text";
import { endingText, type Words } from "../../words/words";

/** Who asked; of a client that nobody verified, what it calls itself. */
export function clientName(entry: ActivityEntry, words: Words): string {
  if (entry.client_name === null) return words.activity.unreadable;
  return oneLine(entry.client_verified ? entry.client_name : words.requests.unverified(entry.client_name));
}

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
