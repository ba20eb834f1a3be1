// A notification that was tapped: the page, at the request that it speaks of.

import type { NotificationData, WorkerMessage } from "../backend/workerMessages";

/** Brings a page to the front that is there, else opens one. */
export async function opened(worker: ServiceWorkerGlobalScope, notification: Notification): Promise<void> {
  notification.close();
  const { requests } = (notification.data ?? { requests: [] }) as NotificationData;
  const request = requests[0] ?? null;
  const [page] = await pages(worker);
  if (!page) {
    const address = new URL(worker.registration.scope);
    // A request's id is no secret: whoever opens the page without its keys sees nothing.
    if (request !== null) address.searchParams.set("open", request);
    await worker.clients.openWindow(address.href);
    return;
  }
  tell(page, { open: request });
  await page.focus();
}

/** The windows that show the page, the one last looked at first. */
export async function pages(worker: ServiceWorkerGlobalScope): Promise<readonly WindowClient[]> {
  const windows = await worker.clients.matchAll({ type: "window", includeUncontrolled: true });
  return windows.filter(({ url }) => url.startsWith(worker.registration.scope));
}

export function tell(page: WindowClient, message: WorkerMessage): void {
  page.postMessage(message);
}
