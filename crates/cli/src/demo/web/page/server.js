// Talks to the demo's server: follows what it says, and asks it for things.

import { problem } from "/drawing.js";

/** Sends JSON; what comes back, or nothing where it did not work, which is then told at the top of the page. */
export async function post(path, body) {
  try {
    const reply = await fetch(path, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) });
    if (!reply.ok) return void problem(`That did not work: ${await reply.text()}.`);
    problem("");
    return reply.status === 204 ? undefined : await reply.json();
  } catch {
    problem("The demo does not answer any more. It has been stopped, or is being started again.");
    return undefined;
  }
}

/** Shows whatever is new, for good. */
export async function follow(show) {
  let revision = 0;
  for (;;) {
    try {
      const reply = await fetch(`/api/state?after=${revision}`, { cache: "no-store" });
      if (!reply.ok) throw new Error(String(reply.status));
      const state = await reply.json();
      if (revision === 0) problem("");
      revision = state.revision;
      show(state);
      // Not before everything has its place: nothing moves under a finger.
      for (const button of asking()) button.disabled = false;
    } catch {
      problem("The demo does not answer any more. It has been stopped, or is being started again.");
      revision = 0;
      await new Promise((later) => setTimeout(later, 1000));
    }
  }
}

const asking = () => document.querySelectorAll("button[data-item]");

/** Every button with something to ask for asks for it. */
export function ask() {
  for (const button of asking()) {
    button.addEventListener("click", () => post("/api/ask", { item: button.dataset.item }));
  }
}
