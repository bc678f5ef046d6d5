// Owns the frame of every tile: its place, its name, the click that enlarges it.

import type { ComponentChildren } from "preact";
import { words } from "../words/language";
import { PinIcon, PinOffIcon } from "../parts/icons";
import type { Placement } from "./arrangement";
import "./tile.css";

interface Props {
  /** The accessible name of the figure. */
  readonly label: string;
  readonly placement: Placement;
  readonly content: "camera" | "screen";
  readonly pinned: boolean;
  readonly speaking?: boolean;
  readonly dimmed?: boolean;
  readonly onPin: () => void;
  /** The plate at the bottom: name and signs. */
  readonly plate: ComponentChildren;
  /** What lies over picture and click area: buttons of its own. */
  readonly over?: ComponentChildren;
  readonly children: ComponentChildren;
}

export function TileFrame(props: Props) {
  const { label, placement, content, pinned, speaking = false, dimmed = false, onPin, plate, over, children } = props;
  const { role, rect } = placement;
  const w = words.value;
  return (
    <figure
      class="tile"
      aria-label={label}
      data-role={role}
      data-content={content}
      data-speaking={speaking}
      data-dimmed={dimmed}
      inert={role === "elsewhere"}
      style={{
        transform: `translate(${rect.x}px, ${rect.y}px)`,
        width: `${rect.width}px`,
        height: `${rect.height}px`,
      }}
    >
      {children}
      <button type="button" class="tile-pin" aria-label={pinned ? w.unpin(label) : w.pin(label)} aria-pressed={pinned} onClick={onPin}>
        <span class="tile-pin-sign">{pinned ? <PinOffIcon /> : <PinIcon />}</span>
      </button>
      <figcaption class="tile-plate">{plate}</figcaption>
      {over}
    </figure>
  );
}
