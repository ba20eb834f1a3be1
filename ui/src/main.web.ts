// Entry point of the device in a browser: mounts the page on the device's own module.

import { mount } from "svelte";

import App from "./App.svelte";
import { serviceWorker } from "./backend/serviceWorker";
import { web } from "./backend/web";
import { browserSide } from "./browser/side";
import "./tokens.css";
import "./base.css";

const backend = web(() => import("countersign-web"));
mount(App, {
  target: document.getElementById("app") ?? document.body,
  props: { backend, browser: browserSide(backend) },
});
// Without one the page works, and can't be woken.
void serviceWorker()?.catch(() => undefined);
