// Entry point of the service worker: what the browser starts it for. It never answers a request of a client.

import init, { WokenDevice } from "countersign-web";

import { opened } from "./click";
import { pushed, subscriptionChanged } from "./push";
import { serveShell } from "./shell";

/** The module's WebAssembly below the page's address, by the build. */
declare const DEVICE_MODULE: string;

const worker = self as unknown as ServiceWorkerGlobalScope;

const shell = serveShell(worker);
let loaded: Promise<unknown> | undefined;

/** From what is kept, where it is: a provider that was updated since has a module of another name. */
const module = () => shell?.serve(DEVICE_MODULE) ?? new URL(DEVICE_MODULE, worker.registration.scope);

async function load() {
  loaded ??= init({ module_or_path: module() }).catch((thrown: unknown) => {
    // The next push tries again.
    loaded = undefined;
    throw thrown;
  });
  await loaded;
  return WokenDevice;
}

worker.addEventListener("push", (event) => event.waitUntil(pushed(worker, load)));
worker.addEventListener("notificationclick", (event) => event.waitUntil(opened(worker, event.notification)));
worker.addEventListener("pushsubscriptionchange", (event) =>
  (event as ExtendableEvent).waitUntil(subscriptionChanged(worker, load)),
);
