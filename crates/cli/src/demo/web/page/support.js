// The call centre's page: a record that is closed until the tokens open it, and the number on a page that the agent can't see.

import { $, draw, el } from "/drawing.js";
import { showDevices } from "/devices.js";
import { halves, showRequests, signatureLine } from "/request.js";
import { ask, follow } from "/server.js";

const CASE = [
  ["Case", "20914"],
  ["Calling from", "+49 171 3920014"],
  ["Says she is", "Alice"],
];

const words = {
  approved: "Alice opened it",
  denied: "Alice said no, and the record stays closed",
  not_me: "the caller is not Alice, and the record stays closed",
  mismatch: "the number was wrong, and the record stays closed",
  expired: "nobody answered, and the record stays closed",
};

const fields = (lines) => el("dl", { class: "fields" }, lines.map(([name, value]) => el("div", {}, el("dt", {}, name), el("dd", {}, value))));

function record(request) {
  if (request?.record?.refused) return el("p", { id: "record", "data-open": "false" }, `Closed: ${request.record.refused}.`);
  if (request?.record) {
    const until = new Date(request.record.until).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
    return el("div", { id: "record", "data-open": "true" }, fields(request.record.lines), el("p", { class: "quiet" }, `Open until ${until}, when the access token ends.`));
  }
  const closed = request?.state === "approved" ? "Closed again: the access token has ended." : "Closed. Nobody at the desk can read it.";
  return el("p", { id: "record", "data-open": "false" }, closed);
}

function client(request) {
  return el("div", { class: "screen" }, el("h3", {}, "The agent’s screen"), el("p", { class: "quiet" }, request.client), el("p", {}, request.message), el("p", {}, "Wants to see the customer record ACME-0042-7713."));
}

function released(request) {
  return el("div", { id: "receipt" }, el("p", { class: "total" }, "The record is open"), signatureLine(request));
}

ask();
void follow((state) => {
  showDevices(state);
  const request = showRequests(state, "support", { client, words, released });
  const waits = request?.state === "waiting" && request.number;
  draw($("desk"), [request?.record, request?.state], () => [fields(CASE), el("h4", {}, "Customer record"), record(request)]);
  draw($("caller-number"), [waits, request?.number], () =>
    waits
      ? [el("p", {}, "You are talking to us about case 20914. To let the agent see your record, type this number on your device:"), el("p", { id: "number", class: "number" }, halves(request.number))]
      : el("p", {}, "You are talking to us about case 20914. When the agent asks for your record, a number appears here."),
  );
});
