// Moments and spans as people write them.

/** `1:42` below an hour, then `3 h`, then `2 d`; never negative. */
export function left(millis: number): string {
  const seconds = Math.max(0, Math.ceil(millis / 1000));
  if (seconds < 3600) return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
  const hours = Math.floor(seconds / 3600);
  return hours < 48 ? `${hours}\u00a0h` : `${Math.floor(hours / 24)}\u00a0d`;
}

/** The time of day, with seconds for something that has just happened. */
export function clock(seconds: number, locale: string, withSeconds = false): string {
  const timeStyle = withSeconds ? "medium" : "short";
  return new Intl.DateTimeFormat(locale, { timeStyle, hourCycle: "h23" }).format(seconds * 1000);
}

/** The day and the time of day. */
export function moment(seconds: number, locale: string): string {
  return new Intl.DateTimeFormat(locale, { dateStyle: "medium", timeStyle: "short", hourCycle: "h23" }).format(
    seconds * 1000,
  );
}

/** RFC 3339, a day or a moment, in the person's way; what is none stays as it is. */
export function date(text: string, locale: string): string {
  if (/^\d{4}-\d{2}-\d{2}$/.test(text)) {
    // A day has no time zone; it is the same day everywhere.
    return new Intl.DateTimeFormat(locale, { dateStyle: "long", timeZone: "UTC" }).format(
      Date.parse(`${text}T00:00:00Z`),
    );
  }
  const at = Date.parse(text);
  return Number.isNaN(at) ? text : moment(at / 1000, locale);
}
