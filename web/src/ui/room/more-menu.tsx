// Owns what is behind "More": everything one needs seldom.

import type { Media, Meeting } from "../../room/meeting";
import { LABELS } from "../labels";
import { DeviceSelect } from "../parts/device-select";
import { InfoIcon, KeyboardIcon, MapPinIcon, MaximizeIcon, MinimizeIcon, MonitorUpIcon, MonitorXIcon, MoonIcon, PencilIcon, PictureInPicture2Icon } from "../parts/icons";
import { LanguageSelect } from "../parts/language-select";
import { narrow, touchOnly } from "../parts/media-query";
import { words } from "../words/language";
import { canShareScreen, toggleSharing } from "./control-bar";
import type { LocationSharing } from "./location-sharing";
import { openPictureInPicture } from "./picture-in-picture";
import type { RoomUi } from "./room-ui";

interface Props {
  readonly media: Media;
  readonly meeting: Meeting;
  readonly ui: RoomUi;
  readonly location: LocationSharing;
  /** The button that opened the menu: what opens from here gives the focus back to it. */
  readonly opener: HTMLElement | null;
  readonly onDone: () => void;
}

export function MoreMenu({ media, meeting, ui, location, opener, onDone }: Props) {
  const w = words.value;
  const { sharing } = media.state.value;
  const away = meeting.state.value.self?.presence.away === true;
  const located = location.state.value.kind;
  const locating = located === "on" || located === "starting";
  const full = document.fullscreenElement !== null;

  return (
    <>
      {narrow.value ? (
        <>
          <Item
            icon={sharing ? <MonitorXIcon /> : <MonitorUpIcon />}
            text={sharing ? w.stopSharing : w.shareTip}
            name={sharing ? LABELS.stopSharing : LABELS.share}
            hidden={!canShareScreen}
            onClick={() => {
              toggleSharing(media);
              onDone();
            }}
          />
          <div class="menu-devices" role="group" aria-label={w.devices}>
            <DeviceSelect media={media} kind="audioinput" />
            <DeviceSelect media={media} kind="audiooutput" />
            <DeviceSelect media={media} kind="videoinput" />
          </div>
          <hr class="menu-rule" />
        </>
      ) : null}
      <Item
        icon={<PencilIcon />}
        text={w.rename}
        onClick={() => {
          onDone();
          ui.dialog.value = { kind: "rename" };
        }}
      />
      <Item
        icon={<MoonIcon />}
        text={away ? w.comeBack : w.goAway}
        onClick={() => {
          meeting.setAway(!away);
          onDone();
        }}
      />
      <Item
        icon={<MapPinIcon />}
        text={locating ? w.stopLocation : w.shareLocation}
        pressed={locating}
        onClick={() => {
          if (locating) {
            location.stop();
            onDone();
          } else {
            location.start();
            onDone();
            // There it says how it goes, and what it shows to whom.
            ui.togglePanel("people", opener);
          }
        }}
      />
      <Item
        icon={<InfoIcon />}
        text={w.details}
        onClick={() => {
          onDone();
          ui.togglePanel("details", opener);
        }}
      />
      <Item
        icon={<PictureInPicture2Icon />}
        text={w.pictureInPicture}
        hidden={!document.pictureInPictureEnabled}
        onClick={() => {
          onDone();
          void openPictureInPicture();
        }}
      />
      <Item
        icon={full ? <MinimizeIcon /> : <MaximizeIcon />}
        text={full ? w.leaveFullscreen : w.fullscreen}
        hidden={!document.fullscreenEnabled}
        onClick={() => {
          onDone();
          void (full ? document.exitFullscreen() : document.documentElement.requestFullscreen());
        }}
      />
      <Item
        icon={<KeyboardIcon />}
        text={w.shortcuts}
        hidden={touchOnly.value}
        onClick={() => {
          onDone();
          ui.dialog.value = { kind: "shortcuts" };
        }}
      />
      <hr class="menu-rule" />
      <LanguageSelect />
    </>
  );
}

interface ItemProps {
  readonly icon: preact.ComponentChild;
  readonly text: string;
  readonly name?: string;
  readonly pressed?: boolean;
  readonly hidden?: boolean;
  readonly onClick: () => void;
}

function Item({ icon, text, name, pressed, hidden = false, onClick }: ItemProps) {
  return hidden ? null : (
    <button type="button" class="menu-item" aria-label={name} aria-pressed={pressed} onClick={onClick}>
      {icon}
      {text}
    </button>
  );
}
