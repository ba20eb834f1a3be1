// A notification that was tapped: the page, at the request that it speaks of.

/** What a notification carries: the request to open, where it is known. */
export interface NotificationData {
  request: string | null;
}

/** What the worker tells the page that it brings to the front. */
export interface OpenMessage {
  open: string | null;
}

/** Brings a page to the front that is there, else opens one. */
export async function opened(worker: ServiceWorkerGlobalScope, notification: Notification): Promise<void> {
  notification.close();
  const { request } = (notification.data ?? { request: null }) as NotificationData;
  const [page] = await pages(worker);
  if (!page) {
    const address = new URL(worker.registration.scope);
    // A request's id is no secret: whoever opens the page without its keys sees nothing.
    if (request !== null) address.searchParams.set("open", request);
    await worker.clients.openWindow(address.href);
    return;
  }
  const message: OpenMessage = { open: request };
  page.postMessage(message);
  await page.focus();
}

/** The windows that show the page, the one last looked at first. */
export async function pages(worker: ServiceWorkerGlobalScope): Promise<readonly WindowClient[]> {
  const windows = await worker.clients.matchAll({ type: "window", includeUncontrolled: true });
  return windows.filter(({ url }) => url.startsWith(worker.registration.scope));
}
