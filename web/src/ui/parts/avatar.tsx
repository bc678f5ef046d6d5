// Owns the initials that stand for a face, with a ring that follows the voice.

import { hueIndex, initials } from "../display-name";
import "./avatar.css";

const HUES = 6;

/** `level`: loudness, 0 to 1. */
export function Avatar({ name, level = 0 }: { name: string; level?: number }) {
  return (
    <span class="avatar" data-hue={hueIndex(name, HUES)} style={{ "--level": level.toFixed(2) }} aria-hidden="true">
      {initials(name)}
    </span>
  );
}
