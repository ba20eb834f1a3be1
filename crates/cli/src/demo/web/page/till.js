// The till's page: draws what the demo's server says, and invents nothing. Everything from outside is text.

const $ = (id) => document.getElementById(id);
let page = { revision: 0, sales: [], devices: [] };
const drawn = new Map();
const cheats = new Map();

/** An element with attributes and children; a child that is a string becomes text. */
function el(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat().filter((child) => child !== undefined && child !== null));
  return element;
}

/** Draws into a place only when what it shows has changed; folds stay as they are, and so does the focus. */
function draw(place, what, make) {
  const key = JSON.stringify(what);
  if (drawn.get(place) === key) return;
  drawn.set(place, key);
  const open = new Set([...place.querySelectorAll("details[open]")].map((fold) => fold.id));
  const focused = place.contains(document.activeElement) ? document.activeElement.id : "";
  place.replaceChildren(...[make()].flat().filter(Boolean));
  for (const fold of place.querySelectorAll("details")) fold.open = open.has(fold.id);
  if (focused) $(focused)?.focus();
}

async function post(path, body) {
  try {
    const reply = await fetch(path, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) });
    if (!reply.ok) throw new Error(await reply.text());
    problem("");
    return reply.status === 204 ? undefined : await reply.json();
  } catch (error) {
    problem(`That did not work: ${error.message}. Is the demo still running?`);
    return undefined;
  }
}

function problem(text) {
  $("problem").textContent = text;
  $("problem").hidden = !text;
}

const STATES = {
  asking: "Asking Acme ID …",
  waiting: "Waiting for Alice. Look at her device.",
  paid: "Paid",
  signed_in: "Signed in",
  denied: "Not paid",
  not_me: "Refused",
  mismatch: "Refused",
  expired: "Not answered",
  no_device: "Nobody to ask",
  failed: "It did not work",
};

function devices() {
  const all = page.devices.map((device) =>
    el("li", { class: "device" }, el("span", {}, device.name), el("span", { class: "quiet" }, device.status === "active" ? "ready" : device.status === "unconfirmed" ? "waits for its code" : device.status)),
  );
  const none = el("p", {}, "Alice has no device yet. The terminal is one as soon as it has a PIN; the window is another.");
  return [all.length ? el("ul", {}, all) : none, page.window?.said ? el("p", { class: "quiet" }, page.window.said) : undefined];
}

/** What the till sent beside what the device shows. */
function screens(sale) {
  const till = el(
    "div",
    { class: "screen" },
    el("h3", {}, sale.item === "stranger" ? "The stranger" : "The till"),
    el("p", { class: "quiet" }, sale.client),
    sale.amount ? el("p", { class: "big" }, sale.amount) : undefined,
    el("p", {}, sale.message),
    sale.number ? [el("p", { class: "quiet" }, "Type this number on the device"), el("p", { id: "number" }, sale.number)] : undefined,
  );
  // What stands at the top of its screen; all lines are in step 4 below.
  const lines = sale.device?.filter((line) => ["client", "amount", "payee", "message", "number"].includes(line.role));
  const device = el(
    "div",
    { class: "screen" },
    el("h3", {}, "Alice’s device"),
    lines
      ? el("dl", {}, lines.map((line) => el("div", {}, el("dt", {}, line.label), el("dd", { class: line.role === "amount" ? "big" : undefined }, line.text))))
      : el("p", { class: "quiet" }, "Nothing yet."),
  );
  return el("div", { id: "both-screens" }, till, device);
}

function ending(sale) {
  if (sale.state === "paid" || sale.state === "signed_in") {
    const line = sale.receipt_ms === null ? "released by Alice’s signature" : `released by Alice’s signature, receipt ${sale.receipt_ms} ms after it arrived`;
    return el(
      "div",
      { id: "receipt" },
      el("p", {}, `${sale.client}, Berlin · Till 2`),
      el("p", { class: "total" }, el("span", {}, sale.title), el("span", {}, sale.amount ?? "done")),
      el("p", { id: "signature-line" }, line),
      sale.by ? el("p", { class: "quiet" }, `on “${sale.by}”`) : undefined,
    );
  }
  return sale.said ? el("p", { class: "ended" }, sale.said) : undefined;
}

function steps(sale) {
  const all = sale.steps.map((step) =>
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

function cheating(sale) {
  const cheated = cheats.get(sale.id);
  const button = el("button", { type: "button", id: "cheat", class: "plain-button", onclick: () => cheat(sale) }, "Change € 4.20 to € 42.00".replace("€ 4.20", sale.amount).replace("€ 42.00", tenTimes(sale.amount)));
  return el(
    "details",
    { id: "try-to-cheat" },
    el("summary", {}, "Try to cheat"),
    el("p", {}, "The provider recorded what it asked. Change the amount in the record, and let the device’s own check look at it again."),
    button,
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

function tenTimes(amount) {
  const [whole, fraction = ""] = amount.replace(/[^\d.]/g, "").split(".");
  return `€ ${whole}${fraction.slice(0, 1)}.${fraction.slice(1)}0`;
}

function proof(sale) {
  const command = `${page.program} verify evidence.json --trust trust.json`;
  return el(
    "details",
    { id: "take-away" },
    el("summary", {}, "Take the evidence with you"),
    el("p", {}, "Everything that was signed, in one file. Anybody can check it, offline, on any computer:"),
    el("p", { class: "links" }, el("a", { id: "evidence", href: `/api/evidence/${sale.id}`, download: "evidence.json" }, "evidence.json"), el("a", { id: "trust", href: "/api/trust", download: "trust.json" }, "trust.json, whom to trust")),
    el("p", { id: "verify-command", class: "lines" }, command),
  );
}

function current(sale) {
  return el(
    "article",
    { id: "sale", "data-sale": sale.id, "data-state": sale.state, "data-item": sale.item, "data-held": String(sale.held) },
    el("p", { class: "status" }, `${sale.title}: ${STATES[sale.state] ?? sale.state}`),
    screens(sale),
    sale.held ? el("p", { id: "held", class: "ended" }, `Held back: ${sale.client} was told that this wasn’t Alice, so this request came without a sound.`) : undefined,
    ending(sale),
    sale.steps.length > 1 ? steps(sale) : undefined,
    sale.can_cheat ? cheating(sale) : undefined,
    sale.evidence ? proof(sale) : undefined,
  );
}

function show() {
  const [sale, ...earlier] = page.sales;
  document.body.dataset.step = sale ? sale.state : "menu";
  draw($("device-state"), [page.devices, page.window], devices);
  draw($("current"), [sale, cheats.get(sale?.id)], () => (sale ? current(sale) : []));
  $("earlier").hidden = !earlier.length;
  draw($("earlier").querySelector("ul"), earlier.map((one) => [one.id, one.state]), () =>
    earlier.map((one) => el("li", {}, el("span", {}, `${one.title}${one.amount ? `, ${one.amount}` : ""}`), el("span", { class: "quiet" }, STATES[one.state] ?? one.state))),
  );
  const state = page.window?.state;
  $("open-window").hidden = state !== "ready" && state !== "open";
  $("open-window").textContent = state === "open" ? "Hand the link to Alice’s window" : "Open Alice’s window";
  if (page.link) {
    if ($("link-field").value !== page.link.link) $("link-field").value = page.link.link;
    $("enroll-command").textContent = `${page.program} enroll LINK`;
    $("code-said").textContent = page.link.said ?? "";
    $("code-form").hidden = !page.link.waits_for_code;
    if ($("code-form").hidden) $("code-field").value = "";
  }
}

async function follow() {
  for (;;) {
    try {
      const reply = await fetch(`/api/state?after=${page.revision}`, { cache: "no-store" });
      if (!reply.ok) throw new Error(String(reply.status));
      page = await reply.json();
      problem("");
      show();
    } catch {
      problem("The demo does not answer any more. It has been stopped, or is being started again.");
      page.revision = 0;
      await new Promise((later) => setTimeout(later, 1000));
    }
  }
}

async function cheat(sale) {
  const cheated = await post("/api/cheat", { id: sale.id });
  if (!cheated) return;
  cheats.set(sale.id, cheated);
  show();
}

for (const button of document.querySelectorAll("button[data-item]")) {
  button.addEventListener("click", () => post("/api/sale", { item: button.dataset.item }));
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

void follow();
