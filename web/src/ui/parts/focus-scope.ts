// Owns the focus of whatever opens over the page: it goes in, stays in, and returns.

import type { RefObject } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";

const FOCUSABLE = "a[href], button:not(:disabled), input:not(:disabled), select:not(:disabled), textarea:not(:disabled), [tabindex='0']";

/**
 * Moves the focus into `scope` (to the element with `data-autofocus`, else to the scope itself), keeps Tab inside, calls
 * `onClose` on Escape, and gives the focus back to `opener` (else to whatever had it) at the end.
 */
export function useFocusScope(scope: RefObject<HTMLElement>, onClose: () => void, opener: HTMLElement | null = null): void {
  const close = useRef(onClose);
  close.current = onClose;

  // In the same turn as it appears: whoever sees it can press Escape, even on a device that takes long to paint.
  useLayoutEffect(() => {
    const element = scope.current;
    if (element === null) {
      return undefined;
    }
    const before = opener ?? focused();
    (element.querySelector<HTMLElement>("[data-autofocus]") ?? element).focus({ preventScroll: true });

    const onKeyDown = (event: KeyboardEvent) => {
      if (event.key === "Escape") {
        event.preventDefault();
        event.stopPropagation();
        close.current();
      } else if (event.key === "Tab") {
        wrapTab(element, event);
      }
    };
    element.addEventListener("keydown", onKeyDown);
    return () => {
      element.removeEventListener("keydown", onKeyDown);
      // Only if the focus would be lost: someone who has clicked elsewhere meanwhile stays there.
      if (before?.isConnected === true && (element.contains(document.activeElement) || focused() === null)) {
        before.focus({ preventScroll: true });
      }
    };
  }, [scope, opener]);
}

function wrapTab(scope: HTMLElement, event: KeyboardEvent): void {
  const inside = [...scope.querySelectorAll<HTMLElement>(FOCUSABLE)].filter((element) => element.getClientRects().length > 0);
  const first = inside[0];
  const last = inside[inside.length - 1];
  if (first === undefined || last === undefined) {
    event.preventDefault();
    return;
  }
  const at = document.activeElement;
  if (event.shiftKey ? at === first || at === scope : at === last) {
    event.preventDefault();
    (event.shiftKey ? last : first).focus();
  }
}

function focused(): HTMLElement | null {
  const element = document.activeElement;
  return element instanceof HTMLElement && element !== document.body ? element : null;
}
