// Owns the tile of a shared screen.

import type { SlotStanding } from "../../protocol/types";
import { screenLabel } from "../labels";
import { MonitorUpIcon } from "../parts/icons";
import { LiveVideo } from "../parts/live-video";
import { words } from "../words/language";
import type { Placement } from "./arrangement";
import { standingText } from "./standing";
import { TileFrame } from "./tile-frame";

interface Props {
  readonly name: string;
  readonly own: boolean;
  readonly stream: MediaStream | null;
  /** Frames of it arrive, as far as is known. */
  readonly live: boolean;
  readonly standing: SlotStanding;
  readonly placement: Placement;
  readonly pinned: boolean;
  readonly speakerId: string | null;
  readonly onPin: () => void;
}

export function ScreenTile({ name, own, stream, live, standing, placement, pinned, speakerId, onPin }: Props) {
  const w = words.value;
  const state = own ? w.yourScreen : (standingText(standing, w) ?? (live ? null : w.screenComing));
  return (
    <TileFrame
      label={screenLabel(name)}
      placement={placement}
      content="screen"
      pinned={pinned}
      // One's own screen in full view would show itself in itself.
      dimmed={own}
      onPin={onPin}
      plate={
        <>
          <span class="sign">
            <MonitorUpIcon />
          </span>
          <span class="tile-name">{w.screenOf(name)}</span>
        </>
      }
    >
      <LiveVideo stream={stream} silent={own} covered={!live} speakerId={speakerId} />
      {state === null ? null : <p class="tile-state">{state}</p>}
    </TileFrame>
  );
}
