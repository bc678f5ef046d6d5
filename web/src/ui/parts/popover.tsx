// Owns what opens above a control: a small box beside it, on a phone a sheet from below.

import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { useFocusScope } from "./focus-scope";
import "./popover.css";

interface Props {
  readonly label: string;
  readonly opener: HTMLElement | null;
  readonly onClose: () => void;
  readonly children: ComponentChildren;
}

export function Popover({ label, opener, onClose, children }: Props) {
  const box = useRef<HTMLDivElement>(null);
  useFocusScope(box, onClose, opener);

  useEffect(() => {
    const onPointerDown = (event: PointerEvent) => {
      const target = event.target instanceof Node ? event.target : null;
      if (box.current?.contains(target) === false && opener?.contains(target) !== true) {
        onClose();
      }
    };
    document.addEventListener("pointerdown", onPointerDown, true);
    return () => document.removeEventListener("pointerdown", onPointerDown, true);
  }, [onClose, opener]);

  return (
    <div ref={box} class="popover" role="dialog" aria-label={label} tabIndex={-1}>
      {children}
    </div>
  );
}
