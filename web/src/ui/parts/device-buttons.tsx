// Owns the two buttons that switch the own microphone and camera, before a call and in it.

import type { Media } from "../../room/meeting";
import { findTrouble } from "../device-trouble";
import { LABELS } from "../labels";
import { words } from "../words/language";
import { Control } from "./control";
import { MicIcon, MicOffIcon, VideoIcon, VideoOffIcon } from "./icons";

interface Props {
  readonly media: Media;
  readonly shortcut?: string;
}

export function MicrophoneButton({ media, shortcut }: Props) {
  const state = media.state.value.microphone;
  const on = isWanted(state);
  const w = words.value;
  return (
    <Control
      name={on ? LABELS.mute : LABELS.unmute}
      label={on ? w.mute : w.unmute}
      icon={on ? <MicIcon /> : <MicOffIcon />}
      tone={tone(state)}
      busy={state === "starting"}
      badge={state === "on" ? <VoiceRing media={media} /> : undefined}
      onClick={() => toggleMicrophone(media)}
      {...(shortcut === undefined ? {} : { shortcut })}
    />
  );
}

export function CameraButton({ media, shortcut }: Props) {
  const state = media.state.value.camera;
  const on = isWanted(state);
  const w = words.value;
  return (
    <Control
      name={on ? LABELS.cameraOff : LABELS.cameraOn}
      label={w.camera}
      tip={on ? w.cameraTurnOff : w.cameraTurnOn}
      icon={on ? <VideoIcon /> : <VideoOffIcon />}
      tone={tone(state)}
      busy={state === "starting"}
      onClick={() => toggleCamera(media)}
      {...(shortcut === undefined ? {} : { shortcut })}
    />
  );
}

export function toggleMicrophone(media: Media): void {
  void media.setMicrophone(!isWanted(media.state.peek().microphone));
}

export function toggleCamera(media: Media): void {
  void media.setCamera(!isWanted(media.state.peek().camera));
}

/** Green, and only while the microphone is live. */
function VoiceRing({ media }: { media: Media }) {
  return <span class="voice-ring" style={{ "--level": media.state.value.level.toFixed(2) }} />;
}

function isWanted(state: string): boolean {
  return state === "on" || state === "starting";
}

function tone(state: Parameters<typeof findTrouble>[0]): "plain" | "off" | "warning" {
  if (findTrouble(state) !== null) {
    return "warning";
  }
  return isWanted(state) ? "plain" : "off";
}
