// Puts things on the page. Everything from outside is text: nothing here reads markup.

export const $ = (id) => document.getElementById(id);
const drawn = new Map();

/** An element with attributes and children; a child that is a string becomes text. */
export function el(tag, attributes = {}, ...children) {
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
export function draw(place, what, make) {
  const key = JSON.stringify(what);
  if (drawn.get(place) === key) return;
  drawn.set(place, key);
  const open = new Set([...place.querySelectorAll("details[open]")].map((fold) => fold.id));
  const focused = place.contains(document.activeElement) ? document.activeElement.id : "";
  place.replaceChildren(...[make()].flat().filter(Boolean));
  for (const fold of place.querySelectorAll("details")) fold.open = open.has(fold.id);
  if (focused) $(focused)?.focus();
}

/** What went wrong, at the top of the page; an empty text takes it away. */
export function problem(text) {
  $("problem").textContent = text;
  $("problem").hidden = !text;
}
