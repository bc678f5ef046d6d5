// Owns the truth about the connections, with figures.

import { assertNever } from "../../assert";
import type { Meeting } from "../../room/meeting";
import type { Connection, Figures, Link, Quality } from "../../room/state";
import { gradeOf } from "../quality";
import type { Words } from "../words/en";
import { formatInteger, formatMilliseconds, formatPercent } from "../words/format";
import { words } from "../words/language";
import "./details-panel.css";

export function DetailsPanel({ meeting }: { meeting: Meeting }) {
  const w = words.value;
  const { connection, policy, participants, ownQuality } = meeting.state.value;
  return (
    <div class="panel-body details">
      <dl class="details-list">
        <div>
          <dt>{w.server}</dt>
          <dd>{describeConnection(connection, w)}</dd>
        </div>
        {ownQuality === null ? null : (
          <div>
            <dt>{w.ownQuality}</dt>
            <dd>
              <QualityWords quality={ownQuality} />
            </dd>
          </div>
        )}
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
        {participants.map(({ member, link, quality }) => (
          <li key={member.id}>
            <span class="details-name">{member.name}</span>
            <span class="details-state" data-state={link.state}>
              {describeLink(link, w)}
            </span>
            {quality === null ? null : (
              <span class="details-figure">
                <QualityWords quality={quality} />
              </span>
            )}
            {link.rttMs === null ? null : <span class="details-figure">{w.roundTrip(formatMilliseconds(link.rttMs))}</span>}
            {link.figures === undefined || link.figures === null ? null : <PictureFigures figures={link.figures} />}
          </li>
        ))}
      </ul>
      <p class="hint">{w.directMeaning}</p>
      {participants.some(({ reach }) => reach === "server") ? <p class="hint">{w.serverMeaning}</p> : null}
    </div>
  );
}

/** Words first; the score is for those who compare. */
function QualityWords({ quality }: { quality: Quality }) {
  const w = words.value;
  const grade = gradeOf(quality) ?? "good";
  const reasons = quality.reasons.map((reason) => w.qualityReason[reason]);
  return <>{w.qualityLine(w.qualityGrade[grade], formatInteger(quality.score), grade === "good" ? [] : reasons)}</>;
}

function PictureFigures({ figures: { codec, width, height, loss } }: { figures: Figures }) {
  const w = words.value;
  const size = width > 0 ? `${width} × ${height}` : null;
  const picture = [codec, size].filter((part) => part !== null).join(", ");
  return (
    <>
      {picture === "" ? null : <span class="details-figure">{picture}</span>}
      {loss === null ? null : <span class="details-figure">{w.lost(formatPercent(loss))}</span>}
    </>
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
    return w.path[link.path];
  }
  return w.linkState[link.state];
}
