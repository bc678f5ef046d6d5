// Owns the stage: every tile of the meeting, each in its place, each the same element from its coming to its going.

import { useEffect, useMemo, useRef } from "preact/hooks";
import type { Media, Meeting } from "../../room/meeting";
import type { Participant, RoomState } from "../../room/state";
import { ChevronLeftIcon, ChevronRightIcon } from "../parts/icons";
import { gradeOf } from "../quality";
import { words } from "../words/language";
import { arrange, OWN_CAMERA, OWN_SCREEN, type Arrangement, type Cast, type Placement, type TileKey } from "./arrangement";
import type { Size } from "./geometry";
import { OwnTile } from "./own-tile";
import { ParticipantTile } from "./participant-tile";
import type { RoomUi } from "./room-ui";
import { ScreenTile } from "./screen-tile";
import { SeatPlan } from "./seats";
import { useSize } from "./use-size";
import { listHidden, listVisible } from "./visible";
import "./stage.css";

interface Props {
  readonly media: Media;
  readonly meeting: Meeting;
  readonly ui: RoomUi;
  readonly ownName: string;
}

export function Stage({ media, meeting, ui, ownName }: Props) {
  const stage = useRef<HTMLDivElement>(null);
  const { size, still } = useSize(stage);
  const plan = useMemo(() => new SeatPlan(), []);
  const state = meeting.state.value;
  const sharing = media.state.value.sharing;

  const large = chooseLarge(state, ui.pinned.value, sharing);
  plan.seat(listTiles(state, sharing));
  const room = makeRoomForPager({ seats: plan.current, large, page: 0 }, size);
  keepSpeaker(plan, state, large, room, ui.page.value);
  const arrangement = arrange({ seats: plan.current, large, page: ui.page.value }, room);

  useForgetPin(ui, state, sharing);
  useShowVideos(meeting, arrangement, ui.pinned.value);
  useHideCameras(meeting, size.width > 0 ? arrangement : null);

  return (
    <section class="stage" ref={stage} data-still={still} data-large={large !== null} aria-label={words.value.stage}>
      {size.width === 0 ? null : (
        <Tiles media={media} meeting={meeting} ui={ui} ownName={ownName} seats={plan.current} arrangement={arrangement} />
      )}
      {arrangement.pages > 1 ? <Pager ui={ui} page={arrangement.page} pages={arrangement.pages} /> : null}
    </section>
  );
}

interface TilesProps extends Props {
  readonly seats: readonly TileKey[];
  readonly arrangement: Arrangement;
}

function Tiles({ media, meeting, ui, ownName, seats, arrangement }: TilesProps) {
  const state = meeting.state.value;
  const local = media.state.value;
  const participants = new Map(state.participants.map((participant) => [participant.member.id, participant]));
  const frame = (key: TileKey) => ({
    placement: arrangement.placements.get(key) ?? NOWHERE,
    pinned: ui.pinned.value === key,
    onPin: () => ui.togglePin(key),
  });

  return (
    <>
      {seats.map((key) => {
        const tile = readKey(key);
        if (tile.participant === "self") {
          return <ScreenTile key={key} name={ownName} own stream={local.screenStream} live standing="live" speakerId={null} {...frame(key)} />;
        }
        const participant = participants.get(tile.participant);
        if (participant === undefined) {
          return null;
        }
        const { id, name } = participant.member;
        return tile.content === "screen" ? (
          <ScreenTile
            key={key}
            name={name}
            own={false}
            stream={participant.screen}
            live={participant.screenLive}
            standing={participant.screenStanding}
            speakerId={local.speakerId}
            {...frame(key)}
          />
        ) : (
          <ParticipantTile
            key={key}
            participant={participant}
            speaking={state.speaker === id}
            speakerId={local.speakerId}
            onRetry={() => meeting.retryLink(id)}
            onWhy={() => {
              ui.dialog.value = { kind: "why", name, reach: participant.reach };
            }}
            {...frame(key)}
          />
        );
      })}
      <OwnTile
        key={OWN_CAMERA}
        name={ownName}
        hand={state.self?.presence.hand === true}
        away={state.self?.presence.away === true}
        weak={gradeOf(state.ownQuality) === "poor"}
        media={media}
        {...frame(OWN_CAMERA)}
      />
    </>
  );
}

function Pager({ ui, page, pages }: { ui: RoomUi; page: number; pages: number }) {
  const w = words.value;
  return (
    <div class="pager">
      <button
        type="button"
        class="icon-button"
        aria-label={w.previousPage}
        disabled={page === 0}
        onClick={() => {
          ui.page.value = page - 1;
        }}
      >
        <ChevronLeftIcon />
      </button>
      <span role="status">{w.pageOf(page + 1, pages)}</span>
      <button
        type="button"
        class="icon-button"
        aria-label={w.nextPage}
        disabled={page === pages - 1}
        onClick={() => {
          ui.page.value = page + 1;
        }}
      >
        <ChevronRightIcon />
      </button>
    </div>
  );
}

const NOWHERE: Placement = { role: "elsewhere", rect: { x: 0, y: 0, width: 0, height: 0 } };

const cameraKey = (participant: string): TileKey => `camera:${participant}`;
const screenKey = (participant: string): TileKey => `screen:${participant}`;

function readKey(key: TileKey): { content: string; participant: string } {
  const [content = "", participant = ""] = key.split(":");
  return { content, participant };
}

/** All tiles but the own camera. */
function listTiles({ participants }: RoomState, sharing: boolean): TileKey[] {
  const cameras = participants.map(({ member }) => cameraKey(member.id));
  const screens = participants.filter(showsScreen).map(({ member }) => screenKey(member.id));
  return [...cameras, ...screens, ...(sharing ? [OWN_SCREEN] : [])];
}

/** The server sends a screen only when its tile is there. */
function showsScreen({ screen, reach, member }: Participant): boolean {
  return (screen !== null || reach === "server") && member.presence.sharing;
}

/** What the person enlarged; else the screen that was shared last by somebody else. */
function chooseLarge(state: RoomState, pinned: TileKey | null, sharing: boolean): TileKey | null {
  if (pinned !== null && (pinned === OWN_CAMERA || listTiles(state, sharing).includes(pinned))) {
    return pinned;
  }
  const screens = state.participants.filter(showsScreen);
  const last = screens[screens.length - 1];
  return last === undefined ? null : screenKey(last.member.id);
}

/** On the first page the speaker is always in sight; whoever turns the page wants to see those there. */
function keepSpeaker(plan: SeatPlan, { speaker }: RoomState, large: TileKey | null, size: Size, page: number): void {
  if (speaker !== null && cameraKey(speaker) !== large && size.width > 0) {
    const { firstPage } = arrange({ seats: plan.current, large, page: 0 }, size);
    plan.hear(cameraKey(speaker), Date.now(), page === 0 ? firstPage : Infinity);
  }
}

const PAGER_HEIGHT = 52;

/** What the tiles have for themselves: all of the stage, or what the pager below them leaves. */
function makeRoomForPager(cast: Cast, size: Size): Size {
  const { pages } = arrange(cast, size);
  return pages > 1 ? { ...size, height: size.height - PAGER_HEIGHT } : size;
}

/** A tile that is gone is no longer enlarged, also when its owner comes back. */
function useForgetPin(ui: RoomUi, state: RoomState, sharing: boolean): void {
  const pinned = ui.pinned.value;
  const gone = pinned !== null && pinned !== OWN_CAMERA && !listTiles(state, sharing).includes(pinned);
  useEffect(() => {
    if (gone) {
      ui.pinned.value = null;
    }
  }, [gone, ui]);
}

/** Tells the meeting what is in sight, whenever that is something else. */
function useShowVideos(meeting: Meeting, arrangement: Arrangement, pinned: TileKey | null): void {
  const { participants, speaker } = meeting.state.value;
  const seen = listVisible({ arrangement, participants, pinned, speaker, scale: devicePixelRatio });
  const text = JSON.stringify(seen);
  useEffect(() => {
    meeting.showVideos(seen);
    // What is seen is new with every drawing; its text says whether it differs.
  }, [meeting, text]);
}

/** Says whose cameras are on another page. */
function useHideCameras(meeting: Meeting, arrangement: Arrangement | null): void {
  const hidden = arrangement === null ? [] : listHidden(arrangement, meeting.state.value.participants);
  useEffect(() => {
    meeting.hideCameras(new Set(hidden));
  }, [meeting, hidden.join()]);
}

/** Whether a tile takes the stage at the moment; then the controls may lie over it. */
export function hasLargeTile(state: RoomState, pinned: TileKey | null, sharing: boolean): boolean {
  return chooseLarge(state, pinned, sharing) !== null;
}
