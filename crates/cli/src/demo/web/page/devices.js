// The side of every page: Alice's devices, and how another becomes one of them.

import { $, draw, el } from "/drawing.js";
import { post } from "/server.js";

const STANDING = { unconfirmed: "waits for its code" };
/** How an active device hears of a request. */
const REACH = { true: "ready, woken by push", false: "ready, while it is open" };

/** The phone-shaped window of this browser. Without a way back to this page: it holds Alice's keys. */
const PHONE = "popup,noopener,noreferrer,width=400,height=860";

function devices(state) {
  const all = state.devices.map((device) =>
    el("li", { class: "device" }, el("span", {}, device.name), el("span", { class: "quiet" }, device.status === "active" ? REACH[device.is_woken] : (STANDING[device.status] ?? device.status))),
  );
  const none = el("p", {}, "Alice has no device yet. This browser can be her phone; the terminal and the window are others.");
  return [all.length ? el("ul", {}, all) : none, state.window?.said ? el("p", { class: "quiet" }, state.window.said) : undefined];
}

/** Whether the ways to add a device were opened for whoever has none. */
let opened;

/** Draws the side. */
export function showDevices(state) {
  const ready = state.devices.some((device) => device.status === "active") && !state.link?.waits_for_code;
  document.body.dataset.device = ready ? "ready" : "none";
  draw($("device-state"), [state.devices, state.window], () => devices(state));
  $("started-anew").textContent = state.started_anew ?? "";
  $("started-anew").hidden = !state.started_anew;
  $("this-browser").disabled = state.device_page?.state !== "ready";
  $("device-page-said").textContent = state.device_page?.said ?? "";
  // Not before everything has its place: nothing moves under a finger.
  if (!state.link) return;
  const window = state.window?.state;
  $("open-window").hidden = window !== "ready" && window !== "open";
  $("open-window").textContent = window === "open" ? "Hand the link to Alice’s window" : "Open Alice’s window";
  if ($("link-field").value !== state.link.link) $("link-field").value = state.link.link;
  $("enroll-command").textContent = `${state.program} enroll LINK`;
  $("code-said").textContent = state.link.said ?? "";
  $("code-form").hidden = !state.link.waits_for_code;
  if ($("code-form").hidden) $("code-field").value = "";
  const { picture, why_not } = state.link.qr;
  if (picture) $("qr-picture").src = `data:image/svg+xml,${encodeURIComponent(picture)}`;
  $("qr").hidden = !picture;
  $("no-qr").textContent = why_not ?? "";
  $("no-qr").hidden = !why_not;
  // Whoever has no device came here to add one, and whoever has got one then came for what is beside it.
  if (opened === undefined || (opened && ready)) $("add-device").open = opened = !ready;
}

$("open-window").addEventListener("click", () => post("/api/app", {}));
// A link for this press alone is made at that address.
$("this-browser").addEventListener("click", () => window.open("/phone", "_blank", PHONE));
$("code-form").addEventListener("submit", (event) => {
  event.preventDefault();
  const code = $("code-field").value;
  $("code-field").value = "";
  if (code.trim()) void post("/api/confirm", { code });
});
$("copy-link").addEventListener("click", async () => {
  $("link-field").select();
  try {
    await navigator.clipboard.writeText($("link-field").value);
    $("copy-link").textContent = "Copied";
  } catch {
    $("copy-link").textContent = "Selected: press Ctrl-C";
  }
});
