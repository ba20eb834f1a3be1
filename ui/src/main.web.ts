// Entry point of the device in a browser: mounts the page on the device's own module.

import { mount } from "svelte";

import App from "./App.svelte";
import { serviceWorker } from "./backend/serviceWorker";
import { followUpdates } from "./backend/updates";
import { web } from "./backend/web";
import { browserSide } from "./browser/side";
import type { AppState } from "./state/app.svelte";
import "./tokens.css";
import "./base.css";

const backend = web(() => import("countersign-web"));
let idle = false;
const browser = browserSide(backend);
const { screenChanged } = browser;
browser.screenChanged = (appState: AppState) => {
  screenChanged(appState);
  idle = appState.isIdle;
};
const target = document.getElementById("app") ?? document.body;
// The first words.
target.replaceChildren();
mount(App, { target, props: { backend, browser } });

async function keepPage(): Promise<void> {
  // The worker loads every file once more: not while the person waits for the first.
  await backend.snapshot().catch(() => undefined);
  // Without one the page works, and can't be woken.
  const registration = await serviceWorker();
  const page = { idle: () => idle && backend.link() === undefined, reload: () => location.reload() };
  if (registration) followUpdates(navigator.serviceWorker, registration, page);
}

void keepPage().catch(() => undefined);
