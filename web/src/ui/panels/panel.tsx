// Owns the frame of the side panels: at the right of a wide screen, a sheet from below on a phone.

import { useRef } from "preact/hooks";
import { assertNever } from "../../assert";
import type { Meeting } from "../../room/meeting";
import { useFocusScope } from "../parts/focus-scope";
import { XIcon } from "../parts/icons";
import type { LocationSharing } from "../room/location-sharing";
import type { PanelKind, RoomUi } from "../room/room-ui";
import type { Words } from "../words/en";
import { words } from "../words/language";
import { ChatPanel } from "./chat-panel";
import { DetailsPanel } from "./details-panel";
import { InvitePanel } from "./invite-panel";
import { PeoplePanel } from "./people-panel";
import "./panel.css";

interface Props {
  readonly kind: PanelKind;
  readonly opener: HTMLElement | null;
  readonly room: string;
  readonly meeting: Meeting;
  readonly ui: RoomUi;
  readonly location: LocationSharing;
  readonly ownName: string;
}

export function Panel(props: Props) {
  const { kind, opener, ui } = props;
  const w = words.value;
  const panel = useRef<HTMLDivElement>(null);
  useFocusScope(panel, ui.closePanel, opener);
  return (
    <>
      <div class="panel-scrim" aria-hidden="true" onClick={ui.closePanel} />
      <div ref={panel} class="panel" role="dialog" aria-label={title(kind, w)} tabIndex={-1} data-kind={kind}>
        <div class="panel-head">
          <h2>{title(kind, w)}</h2>
          <button type="button" class="icon-button" aria-label={w.close} onClick={ui.closePanel}>
            <XIcon />
          </button>
        </div>
        {content(props)}
      </div>
    </>
  );
}

function content({ kind, room, meeting, ui, location, ownName }: Props) {
  switch (kind) {
    case "chat":
      return <ChatPanel meeting={meeting} ui={ui} />;
    case "people":
      return <PeoplePanel meeting={meeting} ui={ui} location={location} ownName={ownName} />;
    case "invite":
      return <InvitePanel room={room} meeting={meeting} />;
    case "details":
      return <DetailsPanel meeting={meeting} />;
    default:
      return assertNever(kind);
  }
}

function title(kind: PanelKind, w: Words): string {
  switch (kind) {
    case "chat":
      return w.chat;
    case "people":
      return w.people;
    case "invite":
      return w.invite;
    case "details":
      return w.details;
    default:
      return assertNever(kind);
  }
}
