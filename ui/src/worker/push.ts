// A push: it carries nothing but "look". Every one ends in a notification, for browsers take the permission from who shows none.

import { notificationWords } from "../words/notifications";
import type { NotificationData } from "./click";

/** Shows that something may wait. */
export async function pushed(worker: ServiceWorkerGlobalScope): Promise<void> {
  const { language } = worker.navigator;
  const data: NotificationData = { request: null };
  await worker.registration.showNotification(worker.location.hostname, {
    body: notificationWords(language).somethingMayWait,
    lang: language,
    tag: "countersign",
    data,
  });
}
