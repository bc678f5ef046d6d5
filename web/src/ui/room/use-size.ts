// Owns how large an element is, and whether it is just being resized.

import type { RefObject } from "preact";
import { useEffect, useLayoutEffect, useState } from "preact/hooks";
import type { Size } from "./geometry";

const SETTLED_AFTER_MS = 200;

/** `still`: the window is being resized or turned; tiles then follow at once instead of floating behind. */
export function useSize(element: RefObject<HTMLElement>): { size: Size; still: boolean } {
  const [size, setSize] = useState<Size>({ width: 0, height: 0 });
  const [still, setStill] = useState(true);

  useLayoutEffect(() => {
    const watched = element.current;
    if (watched === null) {
      return undefined;
    }
    const measure = () => setSize({ width: watched.clientWidth, height: watched.clientHeight });
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(watched);
    return () => observer.disconnect();
  }, [element]);

  useEffect(() => {
    let timer = setTimeout(() => setStill(false), SETTLED_AFTER_MS);
    const onResize = () => {
      setStill(true);
      clearTimeout(timer);
      timer = setTimeout(() => setStill(false), SETTLED_AFTER_MS);
    };
    addEventListener("resize", onResize);
    return () => {
      clearTimeout(timer);
      removeEventListener("resize", onResize);
    };
  }, []);

  return { size, still };
}
