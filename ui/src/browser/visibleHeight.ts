// The height that a soft keyboard leaves, for browsers that lay it over the page (Safari): the buttons stay above it. Chromium makes the
// page smaller by itself (`interactive-widget=resizes-content`).

/** Less than this is a toolbar that comes and goes, which `dvh` follows. */
const KEYBOARD_PX = 100;

export function followVisibleHeight(): () => void {
  const visible = window.visualViewport;
  if (!visible) return () => undefined;
  const { style } = document.documentElement;
  const measure = () => {
    // Zoomed in: the person looks at a part, and nothing may move.
    const covered = visible.scale === 1 && window.innerHeight - visible.height > KEYBOARD_PX;
    if (covered) {
      style.setProperty("--visible-height", `${visible.height}px`);
      // Such a browser moves the whole page up for the field.
      window.scrollTo(0, 0);
    } else style.removeProperty("--visible-height");
  };
  visible.addEventListener("resize", measure);
  measure();
  return () => {
    visible.removeEventListener("resize", measure);
    style.removeProperty("--visible-height");
  };
}
