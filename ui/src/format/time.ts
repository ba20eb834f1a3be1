// Formats points in time and durations for the locale.

/** Time left: `1:42` below an hour, `3 h` below two days, then `2 d`; `0:00` for negative values. */
export function formatTimeLeft(millis: number): string {
  const seconds = Math.max(0, Math.ceil(millis / 1000));
  if (seconds < 3600) return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
  const hours = Math.floor(seconds / 3600);
  return hours < 48 ? `${hours}\u00a0h` : `${Math.floor(hours / 24)}\u00a0d`;
}

/** Time of day; `seconds` since the epoch. */
export function formatTime(seconds: number, locale: string, withSeconds = false): string {
  const timeStyle = withSeconds ? "medium" : "short";
  return new Intl.DateTimeFormat(locale, { timeStyle, hourCycle: "h23" }).format(seconds * 1000);
}

/** Date and time of day; `seconds` since the epoch. */
export function formatDateTime(seconds: number, locale: string): string {
  return new Intl.DateTimeFormat(locale, { dateStyle: "medium", timeStyle: "short", hourCycle: "h23" }).format(
    seconds * 1000,
  );
}

/** An RFC 3339 date or date-time; any other text is returned unchanged. */
export function formatDate(text: string, locale: string): string {
  if (/^\d{4}-\d{2}-\d{2}$/.test(text)) {
    // A date has no time zone: the same day everywhere.
    return new Intl.DateTimeFormat(locale, { dateStyle: "long", timeZone: "UTC" }).format(
      Date.parse(`${text}T00:00:00Z`),
    );
  }
  const at = Date.parse(text);
  return Number.isNaN(at) ? text : formatDateTime(at / 1000, locale);
}
