// Owns the list of people: who is here, how they take part, how far away they are.

import type { Member, Position } from "../../protocol/types";
import type { Meeting } from "../../room/meeting";
import type { Participant } from "../../room/state";
import { Avatar } from "../parts/avatar";
import { HandIcon, MessageSquareIcon, MicOffIcon, MonitorUpIcon, MoonIcon, VideoOffIcon } from "../parts/icons";
import { Sign } from "../parts/sign";
import type { LocationSharing } from "../room/location-sharing";
import type { RoomUi } from "../room/room-ui";
import { words } from "../words/language";
import { Place } from "./place";
import { LocationSwitch } from "./location-switch";
import "./people-panel.css";

interface Props {
  readonly meeting: Meeting;
  readonly ui: RoomUi;
  readonly location: LocationSharing;
  readonly ownName: string;
}

export function PeoplePanel({ meeting, ui, location, ownName }: Props) {
  const w = words.value;
  const state = meeting.state.value;
  return (
    <div class="panel-body people">
      <p class="hint">{w.peopleCount(state.participants.length + 1)}</p>
      <ul class="people-list">
        <li class="person">
          <Avatar name={ownName} />
          <div class="person-words">
            <p class="person-name">
              <span>{ownName}</span>
              <span class="person-you">{w.you}</span>
            </p>
            {state.position === null ? null : <Place position={state.position} from={null} />}
          </div>
          {state.self === null ? null : <Signs member={state.self} />}
        </li>
        {handsFirst(state.participants).map((participant) => (
          <Person key={participant.member.id} member={participant.member} from={state.position} ui={ui} />
        ))}
      </ul>
      <LocationSwitch location={location} someoneShares={state.participants.some(({ member }) => member.position !== undefined)} />
    </div>
  );
}

function Person({ member, from, ui }: { member: Member; from: Position | null; ui: RoomUi }) {
  const w = words.value;
  return (
    <li class="person">
      <Avatar name={member.name} />
      <div class="person-words">
        <p class="person-name">
          <span>{member.name}</span>
        </p>
        {member.position === undefined ? null : <Place position={member.position} from={from} />}
      </div>
      <Signs member={member} />
      <button
        type="button"
        class="icon-button"
        aria-label={w.writePrivately(member.name)}
        title={w.writePrivately(member.name)}
        onClick={() => {
          ui.recipient.value = member.id;
          ui.togglePanel("chat", ui.panel.peek()?.opener ?? null);
        }}
      >
        <MessageSquareIcon />
      </button>
    </li>
  );
}

function Signs({ member: { presence } }: { member: Member }) {
  const w = words.value;
  return (
    <span class="person-signs">
      {presence.hand ? <Sign icon={<HandIcon />} text={w.handRaised} tone="hand" /> : null}
      {presence.sharing ? <Sign icon={<MonitorUpIcon />} text={w.sharingBadge} /> : null}
      {presence.away ? <Sign icon={<MoonIcon />} text={w.awayBadge} /> : null}
      {presence.camera_off ? <Sign icon={<VideoOffIcon />} text={w.cameraIsOff} /> : null}
      {presence.muted ? <Sign icon={<MicOffIcon />} text={w.muted} /> : null}
    </span>
  );
}

/** Raised hands come first, otherwise in the order of coming. */
function handsFirst(participants: readonly Participant[]): Participant[] {
  return [...participants].sort((a, b) => Number(b.member.presence.hand) - Number(a.member.presence.hand));
}
