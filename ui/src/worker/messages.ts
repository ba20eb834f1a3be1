// What a page says to its worker.

/** Nothing is begun in the page: a version that waits may take over. */
export const TAKE_OVER = "take over";
