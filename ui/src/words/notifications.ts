// What notifications say: apart from the screens' words, since the worker loads these alone.

const en = {
  somethingMayWait: "Something may be waiting. Open this page to look.",
};

const de: typeof en = {
  somethingMayWait: "Vielleicht wartet etwas auf Ihre Antwort. Öffnen Sie diese Seite.",
};

export type NotificationWords = typeof en;

/** In the language of this browser. */
export function notificationWords(language: string): NotificationWords {
  return language.toLowerCase().startsWith("de") ? de : en;
}
