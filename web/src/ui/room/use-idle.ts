// Owns whether the person has been still for a while, so that the controls may go out of sight.

import type { RefObject } from "preact";
import { useEffect, useState } from "preact/hooks";

const IDLE_AFTER_MS = 4000;
const SIGNS = ["pointermove", "pointerdown", "keydown", "focusin", "wheel"] as const;

/** Never idle while `enabled` is false, or while the focus or an open menu is within `controls`. */
export function useIdle(enabled: boolean, controls: RefObject<HTMLElement>): boolean {
  const [idle, setIdle] = useState(false);

  useEffect(() => {
    if (!enabled) {
      setIdle(false);
      return undefined;
    }
    const fallAsleep = () => {
      const needed = controls.current?.querySelector(":focus-visible, :hover, .popover") ?? null;
      if (needed === null) {
        setIdle(true);
      } else {
        timer = setTimeout(fallAsleep, IDLE_AFTER_MS);
      }
    };
    let timer = setTimeout(fallAsleep, IDLE_AFTER_MS);
    const wake = () => {
      setIdle(false);
      clearTimeout(timer);
      timer = setTimeout(fallAsleep, IDLE_AFTER_MS);
    };
    for (const sign of SIGNS) {
      document.addEventListener(sign, wake, { passive: true });
    }
    return () => {
      clearTimeout(timer);
      for (const sign of SIGNS) {
        document.removeEventListener(sign, wake);
      }
    };
  }, [enabled, controls]);

  return idle;
}
