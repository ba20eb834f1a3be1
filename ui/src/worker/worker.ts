// Entry point of the service worker: what the browser starts it for. It never answers a request of a client.

import { opened } from "./click";
import { pushed } from "./push";
import { serveShell } from "./shell";

const worker = self as unknown as ServiceWorkerGlobalScope;

worker.addEventListener("push", (event) => event.waitUntil(pushed(worker)));
worker.addEventListener("notificationclick", (event) => event.waitUntil(opened(worker, event.notification)));
serveShell(worker);
