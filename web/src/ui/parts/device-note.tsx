// Owns the note that says why a device cannot be used and how to mend it.

import type { Media } from "../../room/meeting";
import { findTrouble, mend, recogniseBrowser } from "../device-trouble";
import { words } from "../words/language";
import { TriangleAlertIcon, XIcon } from "./icons";
import "./device-note.css";

interface Props {
  readonly media: Media;
  readonly device: "microphone" | "camera";
  readonly onDismiss?: () => void;
}

export function DeviceNote({ media, device, onDismiss }: Props) {
  const w = words.value;
  const trouble = findTrouble(media.state.value[device]);
  if (trouble === null) {
    return null;
  }
  const what = device === "microphone" ? w.microphoneTrouble[trouble] : w.cameraTrouble[trouble];
  return (
    <div class="device-note" role="group" aria-label={device === "microphone" ? w.microphone : w.camera}>
      <TriangleAlertIcon />
      <div class="device-note-words">
        <p>
          <strong>{what}</strong> {w.goWithout}
        </p>
        <p>{mend(trouble, recogniseBrowser(navigator.userAgent), w)}</p>
      </div>
      <div class="device-note-actions">
        {trouble === "insecure" ? null : (
          <button type="button" class="button" data-size="small" onClick={() => void tryAgain(media, device)}>
            {w.tryAgain}
          </button>
        )}
        {onDismiss === undefined ? null : (
          <button type="button" class="icon-button" aria-label={w.dismiss} onClick={onDismiss}>
            <XIcon />
          </button>
        )}
      </div>
    </div>
  );
}

async function tryAgain(media: Media, device: Props["device"]): Promise<void> {
  await media.refresh();
  await (device === "microphone" ? media.setMicrophone(true) : media.setCamera(true));
}
