// Owns the frame of a choice from a list: the browser's own list, our own arrow.

import type { ComponentChild } from "preact";
import { ChevronDownIcon } from "./icons";
import "./select-box.css";

/** `children`: one <select>. */
export function SelectBox({ children }: { children: ComponentChild }) {
  return (
    <span class="select-box">
      {children}
      <ChevronDownIcon />
    </span>
  );
}
