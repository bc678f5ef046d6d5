// Owns the keyboard of a room: single keys, and the space bar held to talk.

import { signal, type ReadonlySignal } from "@preact/signals";
import { useEffect, useMemo, useRef } from "preact/hooks";
import type { Media } from "../../room/meeting";
import { isTyping, isPressable, readShortcut, type Shortcut } from "./shortcuts";

type Pressed = Exclude<Shortcut, "talk">;

/** Calls `onPress` for every shortcut; the signal says whether the space bar is held to talk. */
export function useShortcuts(media: Media, onPress: (shortcut: Pressed) => void): ReadonlySignal<boolean> {
  const press = useRef(onPress);
  press.current = onPress;
  const talking = useMemo(() => signal(false), []);

  useEffect(() => {
    // A button that was clicked does not take the space bar. Known only when the focus comes: with the first key pressed, Chromium
    // shows the focus of a clicked button too.
    let reachedByKeyboard = false;
    const onFocusIn = (event: FocusEvent) => {
      reachedByKeyboard = event.target instanceof Element && event.target.matches(":focus-visible");
    };
    const release = () => {
      if (talking.value) {
        talking.value = false;
        void media.setMicrophone(false);
      }
    };
    const onKeyDown = (event: KeyboardEvent) => {
      const shortcut = isTyping(event.target) || event.defaultPrevented ? null : readShortcut(event);
      if (shortcut === null || document.querySelector("dialog[open]") !== null) {
        return;
      }
      if (shortcut === "talk") {
        if (reachedByKeyboard && isPressable(event.target)) {
          return;
        }
        event.preventDefault();
        if (!event.repeat && media.state.value.microphone === "off") {
          talking.value = true;
          void media.setMicrophone(true);
        }
      } else if (!event.repeat) {
        event.preventDefault();
        press.current(shortcut);
      }
    };
    const onKeyUp = (event: KeyboardEvent) => {
      if (event.key === " ") {
        if (talking.value) {
          // Otherwise Firefox clicks the button that was used last.
          event.preventDefault();
        }
        release();
      }
    };
    const end = new AbortController();
    const options = { signal: end.signal };
    document.addEventListener("focusin", onFocusIn, options);
    document.addEventListener("keydown", onKeyDown, options);
    document.addEventListener("keyup", onKeyUp, options);
    // The key may be let go where this page does not hear it.
    addEventListener("blur", release, options);
    document.addEventListener("visibilitychange", release, options);
    return () => {
      end.abort();
      release();
    };
  }, [media, talking]);

  return talking;
}
