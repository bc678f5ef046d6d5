// Owns the tile of a shared screen.

import { screenLabel } from "../labels";
import { MonitorUpIcon } from "../parts/icons";
import { LiveVideo } from "../parts/live-video";
import { words } from "../words/language";
import type { Placement } from "./arrangement";
import { TileFrame } from "./tile-frame";

interface Props {
  readonly name: string;
  readonly own: boolean;
  readonly stream: MediaStream | null;
  readonly placement: Placement;
  readonly pinned: boolean;
  readonly speakerId: string | null;
  readonly onPin: () => void;
}

export function ScreenTile({ name, own, stream, placement, pinned, speakerId, onPin }: Props) {
  const w = words.value;
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
      <LiveVideo stream={stream} silent={own} speakerId={speakerId} />
      {own ? <p class="tile-state">{w.yourScreen}</p> : null}
    </TileFrame>
  );
}
