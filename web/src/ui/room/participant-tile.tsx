// Owns the tile of another member: picture or initials, and in which state the link is.

import { assertNever } from "../../assert";
import type { Participant } from "../../room/state";
import { Avatar } from "../parts/avatar";
import { HandIcon, MicOffIcon, MonitorUpIcon, MoonIcon, TriangleAlertIcon } from "../parts/icons";
import { LiveVideo } from "../parts/live-video";
import { Sign } from "../parts/sign";
import { gradeOf } from "../quality";
import type { Words } from "../words/en";
import { words } from "../words/language";
import type { Placement } from "./arrangement";
import { standingText } from "./standing";
import { TileFrame } from "./tile-frame";

interface Props {
  readonly participant: Participant;
  readonly placement: Placement;
  readonly pinned: boolean;
  readonly speaking: boolean;
  readonly speakerId: string | null;
  readonly onPin: () => void;
  readonly onRetry: () => void;
  readonly onWhy: () => void;
}

export function ParticipantTile({ participant, placement, pinned, speaking, speakerId, onPin, onRetry, onWhy }: Props) {
  const w = words.value;
  const { member, link, camera, cameraLive, level } = participant;
  const live = showsPicture(participant);
  return (
    <TileFrame
      label={member.name}
      placement={placement}
      content="camera"
      pinned={pinned}
      speaking={speaking}
      dimmed={live && link.state === "reconnecting"}
      onPin={onPin}
      plate={<Plate participant={participant} />}
      over={
        <>
          {member.presence.hand ? <HandSign /> : null}
          {link.state === "failed" ? (
            <div class="tile-failed">
              <TriangleAlertIcon />
              <p>{w.linkFailed(member.name)}</p>
              <div class="tile-failed-actions">
                <button type="button" class="button" data-kind="primary" data-size="small" onClick={onRetry}>
                  {w.tryAgain}
                </button>
                <button type="button" class="button tile-why" data-size="small" onClick={onWhy}>
                  {w.why}
                </button>
              </div>
            </div>
          ) : null}
        </>
      }
    >
      <LiveVideo stream={camera} covered={!live || !cameraLive} speakerId={speakerId} />
      {live ? null : (
        <div class="tile-cover" data-pulse={link.state === "connecting"}>
          {link.state === "failed" ? null : <Avatar name={member.name} level={member.presence.muted ? 0 : level} />}
          <TileState participant={participant} />
        </div>
      )}
      {live ? <TileState participant={participant} /> : null}
    </TileFrame>
  );
}

export function HandSign() {
  return (
    <span class="tile-hand">
      <HandIcon />
      <span class="unseen">{words.value.handRaised}</span>
    </span>
  );
}

function showsPicture({ member, link, camera, cameraLive }: Participant): boolean {
  const linked = link.state === "connected" || link.state === "reconnecting";
  return linked && camera !== null && cameraLive && !member.presence.camera_off;
}

function TileState({ participant }: { participant: Participant }) {
  const text = stateText(participant, words.value);
  return text === null ? null : <p class="tile-state">{text}</p>;
}

function stateText({ link: { state }, member, cameraStanding }: Participant, w: Words): string | null {
  switch (state) {
    case "connecting":
      return w.connecting;
    case "reconnecting":
      return w.reconnectingTile;
    case "none":
      return w.noMedia;
    case "connected":
      return member.presence.camera_off ? null : standingText(cameraStanding, w);
    case "failed":
      return null;
    default:
      return assertNever(state);
  }
}

function Plate({ participant: { member, link, quality } }: { participant: Participant }) {
  const w = words.value;
  const { muted, sharing, away } = member.presence;
  return (
    <>
      {muted && link.state !== "none" ? <Sign icon={<MicOffIcon />} text={w.muted} /> : null}
      <span class="tile-name">{member.name}</span>
      {sharing ? <Sign icon={<MonitorUpIcon />} text={w.sharingBadge} /> : null}
      {away ? <Sign icon={<MoonIcon />} text={w.awayBadge} /> : null}
      {link.state === "connected" && gradeOf(quality) === "poor" ? <Sign icon={<TriangleAlertIcon />} text={w.weakConnection} tone="warning" /> : null}
      {link.state === "connected" && link.path !== null ? (
        <span class="tile-path">{w.path[link.path]}</span>
      ) : null}
    </>
  );
}
