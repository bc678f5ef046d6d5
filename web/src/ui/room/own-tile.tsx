// Owns the own tile: the mirrored picture, never heard.

import type { Media } from "../../room/meeting";
import { Avatar } from "../parts/avatar";
import { MicOffIcon, MoonIcon, SwitchCameraIcon, TriangleAlertIcon } from "../parts/icons";
import { LiveVideo } from "../parts/live-video";
import { touchOnly } from "../parts/media-query";
import { isMirrored } from "../parts/mirror";
import { Sign } from "../parts/sign";
import { words } from "../words/language";
import type { Placement } from "./arrangement";
import { HandSign } from "./participant-tile";
import { TileFrame } from "./tile-frame";

interface Props {
  readonly name: string;
  readonly hand: boolean;
  readonly away: boolean;
  /** One's own sound and picture hardly reach the server. */
  readonly weak: boolean;
  readonly media: Media;
  readonly placement: Placement;
  readonly pinned: boolean;
  readonly onPin: () => void;
}

export function OwnTile({ name, hand, away, weak, media, placement, pinned, onPin }: Props) {
  const w = words.value;
  const local = media.state.value;
  const live = local.camera === "on" && local.cameraStream !== null;
  const heard = local.microphone === "on";
  return (
    <TileFrame
      label={name}
      placement={placement}
      content="camera"
      pinned={pinned}
      onPin={onPin}
      plate={
        <>
          {heard ? null : <Sign icon={<MicOffIcon />} text={w.muted} />}
          <span class="tile-name">{name}</span>
          {away ? <Sign icon={<MoonIcon />} text={w.awayBadge} /> : null}
          {weak ? <Sign icon={<TriangleAlertIcon />} text={w.weakConnection} tone="warning" /> : null}
          <span class="tile-path">{w.you}</span>
        </>
      }
      over={
        <>
          {hand ? <HandSign /> : null}
          {live && touchOnly.value && placement.role !== "strip" && hasTwoCameras(media) ? (
            <button type="button" class="icon-button tile-switch" aria-label={w.switchCamera} onClick={() => void media.switchCamera()}>
              <SwitchCameraIcon />
            </button>
          ) : null}
        </>
      }
    >
      <LiveVideo stream={local.cameraStream} silent mirrored={isMirrored(local.cameraStream)} covered={!live} />
      {live ? null : (
        <div class="tile-cover" data-pulse={local.camera === "starting"}>
          <Avatar name={name} level={heard ? local.level : 0} />
        </div>
      )}
    </TileFrame>
  );
}

function hasTwoCameras(media: Media): boolean {
  return media.state.value.devices.filter((device) => device.kind === "videoinput").length > 1;
}
