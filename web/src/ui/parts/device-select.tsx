// Owns the choice of a microphone, camera or speaker.

import type { ComponentChildren } from "preact";
import { useId } from "preact/hooks";
import type { Media } from "../../room/meeting";
import type { LocalMedia } from "../../room/state";
import { assertNever } from "../../assert";
import type { Words } from "../words/en";
import { words } from "../words/language";
import { MicIcon, VideoIcon, Volume2Icon } from "./icons";
import { SelectBox } from "./select-box";
import "./device-select.css";

interface Props {
  readonly media: Media;
  readonly kind: MediaDeviceKind;
}

/** Whether this browser can send sound to a chosen speaker. */
export const canChooseSpeaker = typeof HTMLMediaElement !== "undefined" && "setSinkId" in HTMLMediaElement.prototype;

export function DeviceSelect({ media, kind }: Props) {
  const id = useId();
  const w = words.value;
  const local = media.state.value;
  const devices = local.devices.filter((device) => device.kind === kind && device.id !== "");
  if (devices.length === 0 || (kind === "audiooutput" && !canChooseSpeaker)) {
    return null;
  }
  const chosen = chosenDevice(local, kind);
  const known = devices.some((device) => device.id === chosen);
  return (
    <div class="device-select">
      <label for={id}>
        {deviceIcon(kind)}
        <span class="unseen">{kindName(kind, w)}</span>
      </label>
      <SelectBox>
        <select
        id={id}
        class="input"
        value={known && chosen !== null ? chosen : ""}
        onChange={(event) => choose(media, kind, event.currentTarget.value)}
      >
        {known ? null : <option value="">{w.systemDefault}</option>}
        {devices.map((device, index) => (
          <option key={device.id} value={device.id}>
            {device.label === "" ? w.deviceUnnamed(kindName(kind, w), index + 1) : device.label}
          </option>
        ))}
        </select>
      </SelectBox>
    </div>
  );
}

function chosenDevice(local: LocalMedia, kind: MediaDeviceKind): string | null {
  switch (kind) {
    case "audioinput":
      return local.microphoneId;
    case "videoinput":
      return local.cameraId;
    case "audiooutput":
      return local.speakerId;
    default:
      return assertNever(kind);
  }
}

function choose(media: Media, kind: MediaDeviceKind, id: string): void {
  if (id === "") {
    return;
  }
  switch (kind) {
    case "audioinput":
      void media.chooseMicrophone(id);
      return;
    case "videoinput":
      void media.chooseCamera(id);
      return;
    case "audiooutput":
      media.chooseSpeaker(id);
      return;
    default:
      assertNever(kind);
  }
}

function kindName(kind: MediaDeviceKind, w: Words): string {
  switch (kind) {
    case "audioinput":
      return w.microphone;
    case "videoinput":
      return w.camera;
    case "audiooutput":
      return w.speaker;
    default:
      return assertNever(kind);
  }
}

function deviceIcon(kind: MediaDeviceKind): ComponentChildren {
  switch (kind) {
    case "audioinput":
      return <MicIcon />;
    case "videoinput":
      return <VideoIcon />;
    case "audiooutput":
      return <Volume2Icon />;
    default:
      return assertNever(kind);
  }
}
