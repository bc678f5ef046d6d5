// Owns a room as a whole: header, stage, bar, panel, and what lies over them.

import { useCallback, useEffect, useMemo, useRef } from "preact/hooks";
import { assertNever } from "../../assert";
import type { Media, Meeting } from "../../room/meeting";
import { Panel } from "../panels/panel";
import { toggleCamera, toggleMicrophone } from "../parts/device-buttons";
import { soundHeld } from "../parts/held-sound";
import { Volume2Icon } from "../parts/icons";
import { words } from "../words/language";
import { AloneHint } from "./alone-hint";
import { Banner } from "./banner";
import { canShareScreen, ControlBar, toggleSharing } from "./control-bar";
import { DeviceNotes } from "./device-notes";
import { Dialogs } from "./dialogs";
import { Header } from "./header";
import { createLocationSharing } from "./location-sharing";
import { createRoomUi } from "./room-ui";
import type { Shortcut } from "./shortcuts";
import { hasLargeTile, Stage } from "./stage";
import { Toasts } from "./toasts";
import { useIdle } from "./use-idle";
import { useShortcuts } from "./use-shortcuts";
import "./room.css";

interface Props {
  readonly room: string;
  readonly media: Media;
  readonly meeting: Meeting;
  /** What the person entered; shown until the server knows it. */
  readonly name: string;
  readonly onRenamed: (name: string) => void;
  readonly onLeave: () => void;
}

export function Room({ room, media, meeting, name, onRenamed, onLeave }: Props) {
  const controls = useRef<HTMLElement>(null);
  const lifetime = useMemo(() => new AbortController(), [meeting]);
  const ui = useMemo(() => createRoomUi(meeting, lifetime.signal), [meeting, lifetime]);
  const location = useMemo(
    () => createLocationSharing(navigator.geolocation, isSecureContext, (position) => meeting.sharePosition(position)),
    [meeting],
  );
  useEffect(
    () => () => {
      location.stop();
      lifetime.abort();
    },
    [lifetime, location],
  );

  const state = meeting.state.value;
  const ownName = state.self?.name ?? name;
  const panel = ui.panel.value;
  const overlaid = hasLargeTile(state, ui.pinned.value, media.state.value.sharing) && panel === null;
  const idle = useIdle(overlaid, controls);

  const onShortcut = useCallback(
    (shortcut: Exclude<Shortcut, "talk">) => {
      switch (shortcut) {
        case "microphone":
          toggleMicrophone(media);
          return;
        case "camera":
          toggleCamera(media);
          return;
        case "share":
          if (canShareScreen) {
            toggleSharing(media);
          }
          return;
        case "hand":
          meeting.setHand(meeting.state.peek().self?.presence.hand !== true);
          return;
        case "chat":
        case "people":
          ui.togglePanel(shortcut, document.activeElement instanceof HTMLElement ? document.activeElement : null);
          return;
        case "help":
          ui.dialog.value = { kind: "shortcuts" };
          return;
        case "close":
          ui.closePanel();
          return;
        default:
          assertNever(shortcut);
      }
    },
    [media, meeting, ui],
  );
  const talking = useShortcuts(media, onShortcut);
  useTitle(room, ui.unread.value);

  const w = words.value;
  const alone = state.connection.kind === "connected" && state.participants.length === 0;
  return (
    <div class="room" data-overlaid={overlaid} data-idle={idle} data-panel={panel !== null}>
      <Header room={room} meeting={meeting} ui={ui} />
      <main class="room-main">
        <Stage media={media} meeting={meeting} ui={ui} ownName={ownName} />
        {alone && panel?.kind !== "invite" ? <AloneHint room={room} /> : null}
        {state.connection.kind === "joining" ? (
          <p class="room-joining" role="status">
            {(state.connection.attempt ?? 0) > 0 ? w.joiningAgain : w.joining}
          </p>
        ) : null}
      </main>
      {panel === null ? null : (
        <Panel key={panel.kind} kind={panel.kind} opener={panel.opener} room={room} meeting={meeting} ui={ui} location={location} ownName={ownName} />
      )}
      <footer class="room-controls" ref={controls}>
        <DeviceNotes media={media} ui={ui} />
        {talking.value ? (
          <p class="room-talking" role="status">
            {w.talking}
          </p>
        ) : null}
        <ControlBar media={media} meeting={meeting} ui={ui} location={location} onLeave={onLeave} />
      </footer>
      <section class="room-top" aria-label={w.server}>
        <Banner connection={state.connection} />
        {soundHeld.waiting.value ? (
          <button type="button" class="button room-hear" data-kind="primary" onClick={() => soundHeld.playAll()}>
            <Volume2Icon />
            {w.tapToHear}
            <span class="unseen">{w.tapToHearWhy}</span>
          </button>
        ) : null}
      </section>
      <Toasts meeting={meeting} ui={ui} />
      <Dialogs meeting={meeting} ui={ui} ownName={ownName} onRenamed={onRenamed} />
    </div>
  );
}

function useTitle(room: string, unread: number): void {
  useEffect(() => {
    document.title = `${unread > 0 ? `(${unread}) ` : ""}${room} · visavis`;
  }, [room, unread]);
}
