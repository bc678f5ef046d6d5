// Owns the media elements that the browser does not let play before the person touches the page.

import { signal, type ReadonlySignal } from "@preact/signals";

const held = new Set<HTMLMediaElement>();
const any = signal(false);

export const soundHeld = {
  /** True while something waits for a touch. */
  waiting: any as ReadonlySignal<boolean>,

  /** Plays an element now, or after the touch. Returns what to call when the element goes. */
  play(element: HTMLMediaElement): () => void {
    attempt(element);
    return () => release(element);
  },

  /** Called from a click: browsers then allow sound. */
  playAll(): void {
    for (const element of [...held]) {
      element.muted = false;
      attempt(element);
    }
  },
};

function attempt(element: HTMLMediaElement): void {
  element.play().then(
    () => release(element),
    (error: unknown) => {
      // AbortError only says that another stream came before this one began.
      if (error instanceof DOMException && error.name === "NotAllowedError") {
        held.add(element);
        any.value = true;
        // A silent picture is allowed, and better than none.
        element.muted = true;
        element.play().catch(() => undefined);
      }
    },
  );
}

function release(element: HTMLMediaElement): void {
  held.delete(element);
  any.value = held.size > 0;
}
