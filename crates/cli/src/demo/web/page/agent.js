// The agent's page: what the agent says, its plan as a tree, and its source.

import { $, draw, el } from "/drawing.js";
import { showDevices } from "/devices.js";
import { showRequests, signatureLine } from "/request.js";
import { ask, follow } from "/server.js";

const words = { approved: "Approved", denied: "Nothing is deleted", not_me: "Nothing is deleted", expired: "Nothing is deleted" };

const FOUND = "Found 214 invoices that are older than ten years. Deleting them can’t be undone.";
const SAID = {
  asking: ["Asking Alice first."],
  waiting: ["Asking Alice first.", "Waiting for her answer. Until then I delete nothing."],
  approved: ["Asking Alice first.", "Alice approved this plan. Deleting 214 of 214.", "Done. (In this demo there is nothing to delete.)"],
  denied: ["Asking Alice first.", "Alice said no. Nothing is deleted."],
  not_me: ["Asking Alice first.", "Alice says this wasn’t hers. Nothing is deleted, and I am held back for a while."],
  expired: ["Asking Alice first.", "Nobody answered in time. Nothing is deleted; I ask again another day."],
  no_device: ["Asking Alice first.", "Alice has no device yet. Nothing is deleted."],
  failed: ["Asking Alice first.", "Asking did not work. Nothing is deleted."],
};

/** Any JSON as a list of lists, every value as text. */
function tree(value) {
  if (value === null || typeof value !== "object") return el("span", {}, typeof value === "boolean" ? (value ? "yes" : "no") : String(value));
  const entries = Array.isArray(value) ? value.map((one, at) => [`${at + 1}`, one]) : Object.entries(value);
  return el("ul", {}, entries.map(([name, one]) => el("li", {}, el("span", { class: "quiet" }, `${name} `), tree(one))));
}

function client(request) {
  const [plan] = JSON.parse(request.details ?? "[]");
  const { type, title, ...rest } = plan ?? {};
  return el(
    "div",
    { class: "screen" },
    el("h3", {}, "The agent’s plan"),
    el("p", { class: "quiet" }, request.client),
    el("p", {}, request.message),
    plan ? [el("p", { class: "big" }, title), el("div", { id: "plan" }, tree(rest))] : undefined,
  );
}

function released(request) {
  return el("div", { id: "receipt" }, el("p", { class: "total" }, "The agent may go on"), signatureLine(request));
}

ask();
void follow((state) => {
  showDevices(state);
  const request = showRequests(state, "agent", { client, words, released });
  const said = [FOUND, ...(SAID[request?.state] ?? [])];
  draw($("log"), said, () => said.map((line) => el("p", {}, line)));
  const secret = `${state.demo_folder}/acme-agent.secret`;
  $("run-it").textContent = `ISSUER=${state.issuer} LOGIN_HINT=alice@acme.example CLIENT_ID=acme-agent CLIENT_SECRET=$(cat ${secret}) \\\n  python3 examples/agent.py && echo 'Alice approved'`;
});
