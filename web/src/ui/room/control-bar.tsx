// Owns the bar at the bottom of a room.

import { useSignal } from "@preact/signals";
import { useCallback, useRef } from "preact/hooks";
import type { Media, Meeting } from "../../room/meeting";
import { LABELS } from "../labels";
import { Control } from "../parts/control";
import { CameraButton, MicrophoneButton } from "../parts/device-buttons";
import { DeviceSelect } from "../parts/device-select";
import { ChevronUpIcon, EllipsisVerticalIcon, HandIcon, MessageSquareIcon, MonitorUpIcon, MonitorXIcon, PhoneOffIcon, UsersIcon } from "../parts/icons";
import { narrow } from "../parts/media-query";
import { Popover } from "../parts/popover";
import { formatInteger } from "../words/format";
import { words } from "../words/language";
import type { LocationSharing } from "./location-sharing";
import { MoreMenu } from "./more-menu";
import type { RoomUi } from "./room-ui";
import "./control-bar.css";

interface Props {
  readonly media: Media;
  readonly meeting: Meeting;
  readonly ui: RoomUi;
  readonly location: LocationSharing;
  readonly onLeave: () => void;
}

/** Phones and some tablets cannot share their screen. */
export const canShareScreen = typeof navigator !== "undefined" && "mediaDevices" in navigator && "getDisplayMedia" in navigator.mediaDevices;

type Opened = "microphone" | "camera" | "more";

export function ControlBar({ media, meeting, ui, location, onLeave }: Props) {
  const w = words.value;
  const opened = useSignal<Opened | null>(null);
  const more = useRef<HTMLButtonElement>(null);
  const hand = meeting.state.value.self?.presence.hand === true;
  const panel = ui.panel.value?.kind;
  const unread = ui.unread.value;

  const toggle = (what: Opened) => {
    opened.value = opened.peek() === what ? null : what;
  };
  const close = useCallback(() => {
    opened.value = null;
  }, [opened]);

  return (
    <div class="control-bar" role="toolbar" aria-label={w.controls}>
      <DeviceControl label={w.chooseMicrophone} open={opened.value === "microphone"} onToggle={() => toggle("microphone")} onClose={close} media={media} kinds={SOUND}>
        <MicrophoneButton media={media} shortcut="M" />
      </DeviceControl>
      <DeviceControl label={w.chooseCamera} open={opened.value === "camera"} onToggle={() => toggle("camera")} onClose={close} media={media} kinds={PICTURE}>
        <CameraButton media={media} shortcut="V" />
      </DeviceControl>
      {narrow.value || !canShareScreen ? null : <ShareControl media={media} />}
      <Control
        name={hand ? LABELS.lowerHand : LABELS.raiseHand}
        label={hand ? w.lowerHand : w.raiseHand}
        icon={<HandIcon />}
        tone={hand ? "active" : "plain"}
        shortcut="H"
        onClick={() => meeting.setHand(!hand)}
      />
      <Control
        name={LABELS.chat}
        label={w.chat}
        icon={<MessageSquareIcon />}
        tone={panel === "chat" ? "active" : "plain"}
        shortcut="C"
        expanded={panel === "chat"}
        badge={unread > 0 ? <span class="control-badge" data-count={formatInteger(Math.min(unread, 99))} /> : undefined}
        onClick={(event) => ui.togglePanel("chat", event.currentTarget)}
      />
      {narrow.value ? null : (
        <Control
          name={LABELS.people}
          label={w.people}
          icon={<UsersIcon />}
          tone={panel === "people" ? "active" : "plain"}
          shortcut="P"
          expanded={panel === "people"}
          onClick={(event) => ui.togglePanel("people", event.currentTarget)}
        />
      )}
      <div class="control-place">
        <Control buttonRef={more} name={w.more} label={w.more} icon={<EllipsisVerticalIcon />} expanded={opened.value === "more"} onClick={() => toggle("more")} />
        {opened.value === "more" ? (
          <Popover label={w.more} opener={more.current} onClose={close}>
            <MoreMenu media={media} meeting={meeting} ui={ui} location={location} opener={more.current} onDone={close} />
          </Popover>
        ) : null}
      </div>
      <Control name={LABELS.leave} label={w.leave} icon={<PhoneOffIcon />} tone="danger" onClick={onLeave} />
    </div>
  );
}

const SOUND: readonly MediaDeviceKind[] = ["audioinput", "audiooutput"];
const PICTURE: readonly MediaDeviceKind[] = ["videoinput"];

interface DeviceControlProps {
  readonly label: string;
  readonly open: boolean;
  readonly media: Media;
  readonly kinds: readonly MediaDeviceKind[];
  readonly onToggle: () => void;
  readonly onClose: () => void;
  readonly children: preact.ComponentChild;
}

/** A device's switch with the small arrow that chooses the device. On a phone the choice is in the menu. */
function DeviceControl({ label, open, media, kinds, onToggle, onClose, children }: DeviceControlProps) {
  const arrow = useRef<HTMLButtonElement>(null);
  const some = media.state.value.devices.some((device) => kinds.includes(device.kind));
  return (
    <div class="control-place control-device">
      {children}
      {some && !narrow.value ? (
        <button ref={arrow} type="button" class="control-arrow" aria-label={label} aria-expanded={open} onClick={onToggle}>
          <ChevronUpIcon />
        </button>
      ) : null}
      {open ? (
        <Popover label={label} opener={arrow.current} onClose={onClose}>
          {kinds.map((kind) => (
            <DeviceSelect key={kind} media={media} kind={kind} />
          ))}
        </Popover>
      ) : null}
    </div>
  );
}

function ShareControl({ media }: { media: Media }) {
  const w = words.value;
  const { sharing } = media.state.value;
  return (
    <Control
      name={sharing ? LABELS.stopSharing : LABELS.share}
      label={sharing ? w.stopSharing : w.share}
      tip={sharing ? w.stopSharing : w.shareTip}
      icon={sharing ? <MonitorXIcon /> : <MonitorUpIcon />}
      tone={sharing ? "active" : "plain"}
      shortcut="S"
      onClick={() => toggleSharing(media)}
    />
  );
}

export function toggleSharing(media: Media): void {
  if (media.state.peek().sharing) {
    media.stopSharing();
  } else {
    void media.startSharing();
  }
}
