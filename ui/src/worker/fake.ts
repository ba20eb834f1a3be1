// A worker's surroundings in a test's hand: its notifications, its pages, and a device that brings what the test says.

import type { Look } from "../backend/types";
import type { WokenDevice, WorkerMessage } from "../backend/workerMessages";

export interface ShownNotification {
  title: string;
  body: string;
  tag: string;
  data: unknown;
  silent: boolean;
}

/** Notifications by their tag, as a browser keeps them; and everything that was shown, in order. */
export class FakeRegistration {
  scope = "https://id.example/device/";
  open = new Map<string, ShownNotification>();
  shown: ShownNotification[] = [];

  showNotification = async (title: string, options: NotificationOptions = {}) => {
    const { body = "", tag = "", data, silent } = options;
    const notification = { title, body, tag, data, silent: silent ?? false };
    this.open.set(tag, notification);
    this.shown.push(notification);
  };

  getNotifications = async ({ tag = "" }: GetNotificationOptions = {}) => {
    const found = this.open.get(tag);
    return (found ? [{ ...found, close: () => void this.open.delete(tag) }] : []) as unknown as Notification[];
  };
}

export class FakePage {
  told: WorkerMessage[] = [];
  url = "https://id.example/device/";
  wasFocused = false;
  constructor(
    readonly focused: boolean,
    readonly visibilityState: DocumentVisibilityState,
  ) {}
  postMessage = (message: WorkerMessage) => void this.told.push(message);
  focus = async () => void (this.wasFocused = true);
}

export class FakeWorker {
  registration = new FakeRegistration();
  pages: FakePage[] = [];
  openedWindows: string[] = [];
  location = { hostname: "id.example" };
  navigator = { language: "en" };
  clients = {
    matchAll: async () => this.pages,
    openWindow: async (url: string) => void this.openedWindows.push(url),
  };

  get scope(): ServiceWorkerGlobalScope {
    return this as unknown as ServiceWorkerGlobalScope;
  }
}

/** A device that finds this, or fails; `undefined`: a page keeps it. */
export function fakeDevice(found: Look | Error | undefined) {
  const calls: string[] = [];
  const device: WokenDevice = {
    free: () => void calls.push("free"),
    look: async () => {
      calls.push("look");
      if (!found || found instanceof Error) throw found;
      return found;
    },
    look_to_push: async () => void calls.push("look_to_push"),
  };
  return { calls, load: async () => ({ open: async () => (found === undefined ? undefined : device) }) };
}

/** A look at one account, whose requests have these ids. */
export function lookAt(requests: string[], reached = true, left_ms: number | null = 60_000): Look {
  const waiting = requests.map((id) => ({ id, left_ms }));
  return { accounts: [{ account: "ac_1", provider: "Example Bank", reached, requests: waiting }] };
}
