// Notifications for what a look brought: in the provider's name, how many wait and until when; never what, how much, or by whom.

import type { AccountLook, Look } from "../backend/types";
import type { NotificationData } from "../backend/workerMessages";
import type { NotificationWords } from "../words/notifications";

/** Notifications that belong to no account. */
const NO_ACCOUNT = "countersign";
/** One more request within this time makes no sound, in milliseconds. */
const QUIET_MS = 60_000;

type Registration = Pick<ServiceWorkerRegistration, "showNotification" | "getNotifications">;

interface Shown {
  title: string;
  body: string;
  tag: string;
  requests?: string[];
  silent: boolean;
}

/** Shows what waits, and takes back what no longer does. Resolves to whether something is shown. */
export async function showLook(to: Registration, look: Look, words: NotificationWords, now: number): Promise<boolean> {
  let shown = false;
  for (const account of look.accounts) shown = (await showAccount(to, account, words, now)) || shown;
  if (look.accounts.some(({ reached, requests }) => !reached && !requests.length)) return false;
  if (shown) for (const old of await to.getNotifications({ tag: NO_ACCOUNT })) old.close();
  return shown;
}

/** What is shown where a look brought nothing: that nothing waits, or that nobody knows. */
export function showNoAccount(to: Registration, title: string, body: string, silent: boolean): Promise<void> {
  return show(to, { title, body, tag: NO_ACCOUNT, silent }, Date.now());
}

async function showAccount(
  to: Registration,
  { account, provider, reached, requests }: AccountLook,
  words: NotificationWords,
  now: number,
): Promise<boolean> {
  const [before] = await to.getNotifications({ tag: account });
  const known = before?.data as NotificationData | undefined;
  const [first] = requests;
  if (!first) {
    // Answered elsewhere, or over: the same place says so, without a sound.
    if (!reached || !known?.requests.length) return false;
    await show(to, { title: provider, body: words.nothingWaits, tag: account, silent: true }, now);
    return true;
  }
  const until = first.left_ms === null ? undefined : words.time(now + first.left_ms);
  const ids = requests.map(({ id }) => id);
  const isNew = ids.some((id) => !known?.requests.includes(id));
  const silent = known !== undefined && (!isNew || (known.requests.length > 0 && now - known.at < QUIET_MS));
  const body = requests.length === 1 ? words.waits(until) : words.wait(requests.length, until);
  await show(to, { title: provider, body, tag: account, requests: ids, silent }, now);
  return true;
}

function show(to: Registration, { title, body, tag, requests = [], silent }: Shown, now: number): Promise<void> {
  const data: NotificationData = { requests, at: now };
  // Not in every browser's types: whether one of the same tag makes a sound again.
  const options: NotificationOptions & { renotify: boolean } = { body, tag, data, silent, renotify: !silent };
  return to.showNotification(title, options);
}
