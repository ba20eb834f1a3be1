// The till's page: what the till sent beside what the device shows, and the receipt.

import { el } from "/drawing.js";
import { showDevices } from "/devices.js";
import { halves, showRequests, signatureLine } from "/request.js";
import { ask, follow } from "/server.js";

const words = { approved: "Paid", denied: "Not paid" };

function client(request) {
  return el(
    "div",
    { class: "screen" },
    el("h3", {}, request.item === "stranger" ? "The stranger" : "The till"),
    el("p", { class: "quiet" }, request.client),
    request.amount ? el("p", { class: "big" }, request.amount) : undefined,
    el("p", {}, request.message),
    request.number ? [el("p", { class: "quiet" }, "Type this number on the device"), el("p", { id: "number", class: "number" }, halves(request.number))] : undefined,
  );
}

function released(request) {
  return el(
    "div",
    { id: "receipt" },
    el("p", {}, request.amount ? `${request.client}, Berlin · Till 2` : request.client),
    el("p", { class: "total" }, el("span", {}, request.title), el("span", {}, request.amount ?? "done")),
    signatureLine(request),
  );
}

ask();
void follow((state) => {
  showDevices(state);
  showRequests(state, "till", { client, words, released });
});
