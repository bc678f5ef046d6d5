// Owns the own picture before a call, with the switches on it.

import { assertNever } from "../../assert";
import type { Media } from "../../room/meeting";
import type { LocalMedia } from "../../room/state";
import { Avatar } from "../parts/avatar";
import { CameraButton, MicrophoneButton } from "../parts/device-buttons";
import { LevelMeter } from "../parts/level-meter";
import { LiveVideo } from "../parts/live-video";
import { isMirrored } from "../parts/mirror";
import type { Words } from "../words/en";
import { words } from "../words/language";

export function Preview({ media, name }: { media: Media; name: string }) {
  const local = media.state.value;
  const w = words.value;
  const live = local.camera === "on" && local.cameraStream !== null;
  return (
    <div class="preview" data-live={live}>
      <LiveVideo stream={local.cameraStream} silent mirrored={isMirrored(local.cameraStream)} covered={!live} />
      {live ? null : (
        <div class="preview-cover">
          <Avatar name={name} level={local.microphone === "on" ? local.level : 0} />
          <p>{coverText(local, w)}</p>
        </div>
      )}
      <div class="preview-level">
        <LevelMeter media={media} />
        <span class="preview-level-words">{local.microphone === "on" ? w.microphoneOn : w.microphoneOff}</span>
      </div>
      <div class="preview-controls">
        <MicrophoneButton media={media} />
        <CameraButton media={media} />
      </div>
    </div>
  );
}

function coverText(local: LocalMedia, w: Words): string {
  switch (local.camera) {
    case "on":
    case "starting":
      return w.cameraStarting;
    case "off":
      return w.cameraOff;
    case "blocked":
    case "missing":
    case "busy":
    case "insecure":
      return w.cameraTrouble[local.camera];
    default:
      return assertNever(local.camera);
  }
}
