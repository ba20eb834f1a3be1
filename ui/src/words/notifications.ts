// What notifications say: apart from the screens' words, since the worker loads these alone.

/** The time of day, as people of this language write it. */
const timeIn = (language: string) => (millis: number) =>
  new Date(millis).toLocaleTimeString(language, { hour: "2-digit", minute: "2-digit" });

const en = {
  /** `until`: a time, where it is known. */
  waits: (until?: string) =>
    until ? `Something waits for your answer, until ${until}.` : "Something waits for your answer.",
  wait: (count: number, until?: string) => (until ? `${count} wait, the first until ${until}.` : `${count} wait.`),
  nothingWaits: "Nothing waits. You need not do anything.",
  somethingMayWait: "Something may be waiting. Open this page to look.",
};

const de: typeof en = {
  waits: (until) => (until ? `Etwas wartet auf Ihre Antwort, bis ${until} Uhr.` : "Etwas wartet auf Ihre Antwort."),
  wait: (count, until) => (until ? `${count} warten, das erste bis ${until} Uhr.` : `${count} warten.`),
  nothingWaits: "Nichts wartet. Sie müssen nichts tun.",
  somethingMayWait: "Vielleicht wartet etwas auf Ihre Antwort. Öffnen Sie diese Seite.",
};

export type NotificationWords = typeof en & { time: (millis: number) => string };

/** In the language of this browser. */
export function notificationWords(language: string): NotificationWords {
  return { ...(language.toLowerCase().startsWith("de") ? de : en), time: timeIn(language) };
}
