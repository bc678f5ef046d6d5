// Owns the notes over the bar about devices that cannot be used, until they are dismissed.

import type { Media } from "../../room/meeting";
import { DeviceNote } from "../parts/device-note";
import { findTrouble } from "../device-trouble";
import type { RoomUi } from "./room-ui";

export function DeviceNotes({ media, ui }: { media: Media; ui: RoomUi }) {
  const local = media.state.value;
  const shown = ui.explained.value.filter((device) => findTrouble(local[device]) !== null);
  return shown.length === 0 ? null : (
    <div class="device-notes">
      {shown.map((device) => (
        <DeviceNote
          key={device}
          media={media}
          device={device}
          onDismiss={() => {
            ui.explained.value = ui.explained.peek().filter((other) => other !== device);
          }}
        />
      ))}
    </div>
  );
}
