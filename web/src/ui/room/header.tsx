// Owns the line at the top of a room: which room it is, and the way to bring others in.

import type { Meeting } from "../../room/meeting";
import { LABELS } from "../labels";
import { LockIcon, UserPlusIcon, UsersIcon } from "../parts/icons";
import { narrow } from "../parts/media-query";
import { formatInteger } from "../words/format";
import { words } from "../words/language";
import type { RoomUi } from "./room-ui";
import "./header.css";

interface Props {
  readonly room: string;
  readonly meeting: Meeting;
  readonly ui: RoomUi;
}

export function Header({ room, meeting, ui }: Props) {
  const w = words.value;
  const panel = ui.panel.value?.kind;
  const { policy, participants } = meeting.state.value;
  return (
    <header class="room-head">
      <h1 class="room-name">{room}</h1>
      {policy?.media === "relay-only" ? (
        <span class="room-rule">
          <LockIcon />
          {w.path.relayed}
        </span>
      ) : null}
      <div class="room-head-actions">
        <button
          type="button"
          class="head-button"
          aria-label={LABELS.invite}
          aria-expanded={panel === "invite"}
          onClick={(event) => ui.togglePanel("invite", event.currentTarget)}
        >
          <UserPlusIcon />
          <span class="head-button-label">{w.invite}</span>
        </button>
        {narrow.value ? (
          <button
            type="button"
            class="head-button"
            aria-label={LABELS.people}
            aria-expanded={panel === "people"}
            data-count={formatInteger(participants.length + 1)}
            onClick={(event) => ui.togglePanel("people", event.currentTarget)}
          >
            <UsersIcon />
          </button>
        ) : null}
      </div>
    </header>
  );
}
