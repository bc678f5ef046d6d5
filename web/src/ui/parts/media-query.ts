// Owns questions to the browser about the screen, as signals.

import { signal, type ReadonlySignal } from "@preact/signals";

function watch(query: string): ReadonlySignal<boolean> {
  const list = matchMedia(query);
  const matches = signal(list.matches);
  list.addEventListener("change", () => {
    matches.value = list.matches;
  });
  return matches;
}

/** The bar has no room for everything; panels come from below. The CSS says 37.5rem too. */
export const narrow = watch("(max-width: 37.5rem)");

/** Fingers, no mouse. */
export const touchOnly = watch("(hover: none)");
