// Owns the truth about the connections, with figures.

import { assertNever } from "../../assert";
import type { Meeting } from "../../room/meeting";
import type { Connection, Link } from "../../room/state";
import type { Words } from "../words/en";
import { formatInteger, formatMilliseconds } from "../words/format";
import { words } from "../words/language";
import "./details-panel.css";

export function DetailsPanel({ meeting }: { meeting: Meeting }) {
  const w = words.value;
  const { connection, policy, participants } = meeting.state.value;
  return (
    <div class="panel-body details">
      <dl class="details-list">
        <div>
          <dt>{w.server}</dt>
          <dd>{describeConnection(connection, w)}</dd>
        </div>
        {policy === null ? null : (
          <div>
            <dt>{w.rules}</dt>
            <dd>{policy.media === "auto" ? w.policyAuto : w.policyRelayOnly}</dd>
            <dd>{w.roomSize(formatInteger(policy.members_max))}</dd>
          </div>
        )}
      </dl>
      <h3>{w.yourLinks}</h3>
      {participants.length === 0 ? <p class="hint">{w.nobodyElse}</p> : null}
      <ul class="details-links">
        {participants.map(({ member, link }) => (
          <li key={member.id}>
            <span class="details-name">{member.name}</span>
            <span class="details-state" data-state={link.state}>
              {describeLink(link, w)}
            </span>
            {link.rttMs === null ? null : <span class="details-figure">{w.roundTrip(formatMilliseconds(link.rttMs))}</span>}
          </li>
        ))}
      </ul>
      <p class="hint">{w.directMeaning}</p>
    </div>
  );
}

function describeConnection(connection: Connection, w: Words): string {
  switch (connection.kind) {
    case "joining":
      return w.serverJoining;
    case "connected":
      return w.serverConnected;
    case "reconnecting":
      return w.serverReconnecting;
    case "ended":
      return w.serverEnded;
    default:
      return assertNever(connection);
  }
}

function describeLink(link: Link, w: Words): string {
  if (link.state === "connected" && link.path !== null) {
    return link.path === "direct" ? w.direct : w.relayed;
  }
  return w.linkState[link.state];
}
