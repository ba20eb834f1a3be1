// One request, from what its client sent to the evidence: the same on every page.

import { $, draw, el } from "/drawing.js";
import { post } from "/server.js";

const cheats = new Map();

const STATES = {
  asking: "Asking Acme ID …",
  waiting: "Waiting for Alice. Look at her device.",
  approved: "Approved",
  denied: "Denied",
  not_me: "Refused",
  mismatch: "Refused",
  expired: "Not answered",
  no_device: "Nobody to ask",
  failed: "It did not work",
};

/** Whether a request that waits reached Alice, as its client heard it from the provider. */
const REACHED = {
  on_the_phone: ["On her phone", "Her device has the request."],
  open_the_page: ["Open the page", "Nothing wakes Alice’s device now. She opens the app, or the page of Acme ID, and the request is there."],
  not_reached: ["Not reached", "Her device was woken and has not come. Ask her to open it."],
};

function reached(request) {
  const [word, why] = REACHED[request.reached] ?? [];
  return word ? el("p", { id: "reached", "data-reached": request.reached }, el("strong", {}, word), `. ${why}`) : undefined;
}

/** What stands on the device's own screen at first sight; all lines are in step 4. */
const ON_THE_DEVICE = ["kind", "subject", "client", "client_claimed", "amount", "payee", "account", "detail", "client_detail", "section", "message", "number", "choice"];

/** A state in a page's own words, where it has some. */
export function stateWords(request, words = {}) {
  return words[request.state] ?? STATES[request.state] ?? request.state;
}

function deviceScreen(request) {
  const lines = request.device?.filter((line) => ON_THE_DEVICE.includes(line.role));
  const line = (one) => el("div", { "data-role": one.role }, el("dt", {}, one.label), el("dd", { class: one.role === "amount" ? "big" : undefined }, one.text));
  return el(
    "div",
    { class: "screen", id: "device-screen" },
    el("h3", {}, "Alice’s device"),
    lines ? el("dl", {}, lines.map(line)) : el("p", { class: "quiet" }, "Nothing yet."),
  );
}

function steps(request) {
  const all = request.steps.map((step) =>
    el(
      "li",
      { "data-step": step.number },
      el("span", { class: "at", "aria-hidden": "true" }, String(step.number)),
      el("h3", {}, step.title, step.after_ms === null ? "" : el("span", { class: "quiet" }, ` +${step.after_ms} ms`)),
      el("p", {}, step.why),
      el("p", { class: "lines" }, step.lines.join("\n")),
    ),
  );
  return el("details", { id: "what-happened" }, el("summary", {}, "What happened?"), el("ol", { class: "steps" }, all));
}

function marked(text, amount) {
  const at = text.indexOf(amount);
  return at < 0 ? [text] : [text.slice(0, at), el("mark", {}, amount), text.slice(at + amount.length)];
}

function tenTimes(amount) {
  const [whole, fraction = ""] = amount.replace(/[^\d.]/g, "").split(".");
  return `€ ${whole}${fraction.slice(0, 1)}.${fraction.slice(1)}0`;
}

function cheating(request, again) {
  const cheated = cheats.get(request.id);
  const cheat = async () => {
    const result = await post("/api/cheat", { id: request.id });
    if (result) cheats.set(request.id, result);
    again();
  };
  return el(
    "details",
    { id: "try-to-cheat" },
    el("summary", {}, "Try to cheat"),
    el("p", {}, "The provider recorded what it asked. Change the amount in the record, and let the device’s own check look at it again."),
    el("button", { type: "button", id: "cheat", class: "plain-button", onclick: cheat }, `Change ${request.amount} to ${tenTimes(request.amount)}`),
    cheated
      ? el(
          "div",
          { id: "cheat-result", role: "status" },
          el(
            "div",
            { class: "pair" },
            el("div", {}, el("p", { class: cheated.original_verifies ? "verdict good" : "verdict bad" }, cheated.original_verifies ? "As it was signed: the signature verifies." : "As it was signed: it does not verify."), el("p", { class: "lines" }, marked(cheated.before, cheated.amount))),
            el("div", {}, el("p", { class: cheated.forged_verifies ? "verdict good" : "verdict bad" }, cheated.forged_verifies ? "Changed: it verifies." : `Changed: refused. ${cheated.refusal}.`), el("p", { class: "lines" }, marked(cheated.after, cheated.forged))),
          ),
          el("p", {}, "A device never shows what does not verify, and the provider never acts on it."),
        )
      : undefined,
  );
}

function proof(request, program) {
  return el(
    "details",
    { id: "take-away" },
    el("summary", {}, "Take the evidence with you"),
    el("p", {}, "Everything that was signed, in one file. Anybody can check it, offline, on any computer:"),
    el("p", { class: "links" }, el("a", { id: "evidence", href: `/api/evidence/${request.id}`, download: "evidence.json" }, "evidence.json"), el("a", { id: "trust", href: "/api/trust", download: "trust.json" }, "trust.json, whom to trust")),
    el("p", { id: "verify-command", class: "lines" }, `${program} verify evidence.json --trust trust.json`),
  );
}

/** "released by Alice's signature …", under what was released. */
export function signatureLine(request) {
  const after = request.receipt_ms === null ? "" : `, receipt ${request.receipt_ms} ms after it arrived`;
  return [el("p", { id: "signature-line" }, `released by Alice’s signature${after}`), request.by ? el("p", { class: "quiet" }, `on “${request.by}”`) : undefined];
}

/**
 * The newest request of this page. `client(request)` draws the client's screen beside the device's; `words` are the page's own for a
 * state, and `released(request)` draws what an approval released.
 */
function newest(request, program, { client, words, released }, again) {
  return el(
    "article",
    { id: "request", "data-request": request.id, "data-state": request.state, "data-item": request.item, "data-held": String(request.held), "data-kind": request.kind ?? undefined },
    el("p", { class: "status" }, `${request.title}: ${stateWords(request, words)}`),
    reached(request),
    el("div", { id: "both-screens" }, client?.(request), deviceScreen(request)),
    request.held ? el("p", { id: "held", class: "ended" }, `Quiet: ${request.client} was told that this wasn’t Alice, so this request came without a sound.`) : undefined,
    request.state === "approved" ? released?.(request) : undefined,
    request.said ? el("p", { class: "ended" }, request.said) : undefined,
    request.steps.length > 1 ? steps(request) : undefined,
    request.can_cheat ? cheating(request, again) : undefined,
    request.evidence ? proof(request, program) : undefined,
  );
}

/** Draws the page's requests, and returns the newest. */
export function showRequests(state, place, own) {
  const [request, ...earlier] = state.requests.filter((one) => one.place === place);
  document.body.dataset.step = request ? request.state : "menu";
  const again = () => draw($("current"), [request, cheats.get(request?.id)], () => (request ? newest(request, state.program, own, again) : []));
  again();
  $("earlier").hidden = !earlier.length;
  draw($("earlier").querySelector("ul"), earlier.map((one) => [one.id, one.state]), () =>
    earlier.map((one) => el("li", {}, el("span", {}, `${one.title}${one.amount ? `, ${one.amount}` : ""}`), el("span", { class: "quiet" }, stateWords(one, own.words)))),
  );
  return request;
}

/** The number in two halves, as it is easier to read and to type. */
export function halves(number) {
  return `${number.slice(0, 3)} ${number.slice(3)}`.trim();
}
