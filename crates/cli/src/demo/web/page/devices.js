// The side of every page: Alice's devices, and how another becomes one of them.

import { $, draw, el } from "/drawing.js";
import { post } from "/server.js";

const STANDING = { active: "ready", unconfirmed: "waits for its code" };

function devices(state) {
  const all = state.devices.map((device) =>
    el("li", { class: "device" }, el("span", {}, device.name), el("span", { class: "quiet" }, STANDING[device.status] ?? device.status)),
  );
  const none = el("p", {}, "Alice has no device yet. The terminal is one as soon as it has a PIN; the window is another.");
  return [all.length ? el("ul", {}, all) : none, state.window?.said ? el("p", { class: "quiet" }, state.window.said) : undefined];
}

/** Draws the side. */
export function showDevices(state) {
  const ready = state.devices.some((device) => device.status === "active") && !state.link?.waits_for_code;
  document.body.dataset.device = ready ? "ready" : "none";
  draw($("device-state"), [state.devices, state.window], () => devices(state));
  const window = state.window?.state;
  $("open-window").hidden = window !== "ready" && window !== "open";
  $("open-window").textContent = window === "open" ? "Hand the link to Alice’s window" : "Open Alice’s window";
  if (!state.link) return;
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
}

$("open-window").addEventListener("click", () => post("/api/app", {}));
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
