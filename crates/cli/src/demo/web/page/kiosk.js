// The bike station's page: one large screen that changes its words, and a number to type elsewhere.

import { $, draw, el } from "/drawing.js";
import { showDevices } from "/devices.js";
import { halves, showRequests, signatureLine } from "/request.js";
import { ask, follow } from "/server.js";

const words = { approved: "Unlocked", denied: "Still locked", not_me: "Still locked", mismatch: "Still locked", expired: "Still locked", no_device: "Still locked", failed: "Still locked" };

/** What the station says: a line in large type, and what it means. */
const SCREENS = {
  asking: ["One moment", "Asking whose card this is."],
  waiting: ["Type this number on your device", "Bike 12 stays locked until then."],
  approved: ["Bike 12 is unlocked", "Pull it out. Have a good ride, Alice."],
  denied: ["Bike 12 stays locked", "You said no. Hold your card to the reader to start again."],
  not_me: ["Bike 12 stays locked", "The owner of this card says that this wasn’t them."],
  mismatch: ["Bike 12 stays locked", "That was another number. Hold your card to the reader for a new one."],
  expired: ["Bike 12 stays locked", "Nobody typed the number in time. Hold your card to the reader for a new one."],
  no_device: ["Bike 12 stays locked", "This card has no device yet. Add one on this page, then hold it to the reader again."],
  failed: ["Bike 12 stays locked", "The station could not ask. Hold your card to the reader again."],
};

function screen(request) {
  const [large, small] = SCREENS[request?.state] ?? ["Bike 12", "Hold your card to the reader."];
  return [
    el("p", { class: "large" }, large),
    request?.state === "waiting" && request.number ? el("p", { id: "number", class: "number" }, halves(request.number)) : undefined,
    el("p", {}, small),
  ];
}

function client(request) {
  return el("div", { class: "screen" }, el("h3", {}, "The station"), el("p", { class: "quiet" }, request.client), el("p", {}, request.message), request.number ? [el("p", { class: "quiet" }, "Its number"), el("p", { class: "big" }, halves(request.number))] : undefined);
}

function released(request) {
  return el("div", { id: "receipt" }, el("p", { class: "total" }, "Bike 12, unlocked"), signatureLine(request));
}

ask();
void follow((state) => {
  showDevices(state);
  const request = showRequests(state, "kiosk", { client, words, released });
  $("station").dataset.state = request?.state ?? "idle";
  draw($("station"), [request?.state, request?.number], () => screen(request));
});
