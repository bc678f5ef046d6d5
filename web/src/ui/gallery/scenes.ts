// Owns the scenes of the gallery: each puts made-up people into one state of the page.

import { signal } from "@preact/signals";
import type { ChatMessage } from "../../protocol/types";
import type { JoinOptions, Media, Meeting } from "../../room/meeting";
import type { LocalMedia, Notice, Participant, RoomState } from "../../room/state";
import { fakeMedia, fakeMeeting, fakeMember, fakeParticipant } from "./fakes";
import { paintFace, paintScreen } from "./pictures";

export interface Scene {
  readonly path: string;
  readonly name: string;
  readonly createMedia: () => Media;
  readonly joinRoom: (options: JoinOptions) => Meeting;
}

const ROOM = "calm-otter-harbour-4821";
const IN_ROOM = `/r/${ROOM}?name=Ana+Lindqvist&join=1`;
const HERE = { latitude: 59.3293, longitude: 18.0686, accuracy: 12 };

function scene(
  path: string,
  local: Partial<LocalMedia> = {},
  room: Partial<RoomState> = {},
  name = "Ana Lindqvist",
  later: Partial<RoomState> = {},
): Scene {
  return {
    path,
    name,
    createMedia: () => fakeMedia(local),
    joinRoom: () => {
      const state = signal<RoomState>({
        room: ROOM,
        connection: { kind: "connected" },
        self: fakeMember("00000000000000aa", "Ana Lindqvist"),
        ownQuality: null,
        participants: [],
        chat: [],
        unsent: [],
        policy: { media: "auto", members_max: 24 },
        position: null,
        speaker: null,
        notices: [],
        ...room,
      });
      setTimeout(() => {
        state.value = { ...state.peek(), ...later };
      }, LATER_MS);
      return fakeMeeting(state);
    },
  };
}

const LATER_MS = 400;

const NAMES = ["李雷", "Bo Nilsson", "Chimamanda Adeyemi-Okonkwo", "韩梅梅", "Dara", "Émile Zola", "Fatima", "Goran", "Hana", "Ivo", "Jun", "Kemi", "Lior", "Maya", "Noor", "Óscar", "Priya", "Quentin", "Rosa", "Sven", "Tomás", "Uma", "Vera", "Wen"];

function people(count: number, change: (participant: Participant, index: number) => Participant = (p) => p): Participant[] {
  return NAMES.slice(0, count).map((name, index) =>
    change(fakeParticipant(fakeMember(`00000000000000${(index + 16).toString(16)}`, name), { camera: paintFace(index * 47 + 15) }), index),
  );
}

/** One of each state a tile can be in. */
function everyState(): Participant[] {
  const changes: ((participant: Participant) => Participant)[] = [
    (p) => p,
    (p) => ({ ...p, camera: null, link: { state: "connecting", path: null, rttMs: null } }),
    (p) => ({ ...p, level: 0.7, member: { ...p.member, presence: { ...p.member.presence, camera_off: true } } }),
    (p) => ({ ...p, link: { state: "reconnecting", path: "relayed", rttMs: 180 } }),
    (p) => ({ ...p, camera: null, link: { state: "failed", path: null, rttMs: null } }),
    (p) => ({ ...p, link: { state: "connected", path: "relayed", rttMs: 95 }, member: { ...p.member, presence: { ...p.member.presence, muted: true } } }),
    (p) => ({ ...p, member: { ...p.member, presence: { ...p.member.presence, hand: true } } }),
    (p) => ({ ...p, camera: null, link: { state: "none", path: null, rttMs: null }, member: { ...p.member, capabilities: [] } }),
    (p) => ({ ...p, member: { ...p.member, presence: { ...p.member.presence, away: true, muted: true, camera_off: true } } }),
  ];
  return people(changes.length, (p, index) => changes[index]?.(p) ?? p);
}

/** One of each state that a tile can be in when the server forwards. */
function serverStates(sharing: boolean): Participant[] {
  const server = { state: "connected", path: "server", rttMs: 31, figures: { codec: "VP8", width: 640, height: 360, loss: 0.004 } } as const;
  const share = (p: Participant): Participant["member"] => ({ ...p.member, presence: { ...p.member.presence, sharing } });
  const changes: ((participant: Participant) => Participant)[] = [
    (p) => ({ ...p, quality: { score: 96, reasons: [] } }),
    (p) => ({ ...p, cameraLive: false, cameraStanding: "paused", quality: { score: 30, reasons: ["bandwidth", "loss"] } }),
    (p) => ({ ...p, cameraLive: false, cameraStanding: "unsupported" }),
    (p) => ({ ...p, quality: { score: 41, reasons: ["delay"] } }),
    (p) => ({ ...p, cameraLive: false, camera: null }),
    (p) => ({ ...p, link: { ...server, state: "reconnecting", rttMs: null } }),
  ];
  const all = people(changes.length, (p, index) => changes[index]?.({ ...p, reach: "server", link: server }) ?? p);
  return all.map((p, index) => (index === 4 ? { ...p, member: share(p), screenLive: false } : p));
}

function message(number: number, from: Participant | null, minutesAgo: number, text: string, to?: string): ChatMessage {
  const member = from?.member ?? { id: "00000000000000aa", name: "Ana Lindqvist" };
  return { number, from: member.id, name: member.name, at_ms: Date.now() - minutesAgo * 60_000, text, ...(to === undefined ? {} : { to }) };
}

function chatScene(): Scene {
  const others = people(2);
  const [li = null, bo = null] = others;
  return scene(IN_ROOM, {}, {
    participants: others,
    chat: [
      message(1, li, 3000, "我昨天发的草稿大家看了吗？"),
      message(2, bo, 12, "Yes. Notes are at https://example.org/notes?id=42 (the second half)."),
      message(3, bo, 12, "One question: what happens when two people write at once?"),
      message(4, null, 11, "The later one wins. I will write that down."),
      message(5, li, 6, "能私下聊两句吗？", "00000000000000aa"),
      message(6, null, 5, "Of course, after the call.", li?.member.id),
      message(7, bo, 1, "averyveryverylongwordwithoutanyspacesthatwouldbreakthelayoutifitcould".repeat(2)),
    ],
    unsent: [{ text: "This one waits for the server.", to: null }],
  });
}

function placesScene(): Scene {
  const places = [
    { latitude: 59.331, longitude: 18.0712, accuracy: 8 },
    { latitude: 57.7089, longitude: 11.9746, accuracy: 900 },
    { latitude: 31.2304, longitude: 121.4737 },
  ];
  return scene(IN_ROOM, {}, {
    participants: people(5, (p, index) => {
      const position = places[index];
      return { ...p, member: { ...p.member, presence: { ...p.member.presence, hand: index === 3, muted: index > 2 }, ...(position === undefined ? {} : { position }) } };
    }),
    position: HERE,
  });
}

const notices = (...kinds: Notice["kind"][]): Notice[] =>
  kinds.map((kind, index) => ({ number: index + 1, kind, participant: null, name: NAMES[index] ?? "", text: kind === "device-lost" ? "USB headset" : null }));

function noticesScene(): Scene {
  const later = { notices: notices("joined", "joined", "hand", "device-lost") };
  return scene(IN_ROOM, {}, { participants: people(3) }, "Ana Lindqvist", later);
}

function refused(code: Extract<NonNullable<RoomState["connection"]>, { kind: "ended" }>["reason"]): Scene {
  return scene(IN_ROOM, {}, { connection: { kind: "ended", reason: code } });
}

export const scenes: Readonly<Record<string, Scene | undefined>> = {
  landing: scene("/"),
  "landing-refused": scene("/r/not%20a%20room"),
  prejoin: scene(`/r/${ROOM}`),
  "prejoin-new": scene(`/r/${ROOM}?audio=0&video=0`, {}, {}, ""),
  "prejoin-blocked": scene(`/r/${ROOM}`, { microphone: "blocked", camera: "missing" }),
  "prejoin-insecure": scene(`/r/${ROOM}`, { microphone: "insecure", camera: "insecure", devices: [] }),
  "prejoin-handover": scene(`/r/${ROOM}#resume=abc`),
  joining: scene(IN_ROOM, {}, { connection: { kind: "joining", attempt: 2 }, self: null }),
  alone: scene(IN_ROOM),
  two: scene(IN_ROOM, {}, { participants: people(1) }),
  three: scene(IN_ROOM, {}, { participants: people(2) }),
  four: scene(IN_ROOM, {}, { participants: people(3), speaker: "0000000000000010" }),
  seven: scene(IN_ROOM, { microphone: "busy" }, { participants: people(6) }),
  states: scene(IN_ROOM, {}, { participants: everyState(), speaker: "0000000000000012" }),
  "server-states": scene(IN_ROOM, {}, { participants: serverStates(false), ownQuality: { score: 62, reasons: ["loss"] } }),
  "server-screen": scene(IN_ROOM, {}, { participants: serverStates(true) }),
  "failed-two": scene(IN_ROOM, {}, { participants: everyState().slice(4, 5) }),
  crowd: scene(IN_ROOM, {}, { participants: people(24) }),
  screen: scene(IN_ROOM, {}, {
    participants: people(5, (p, index) => (index === 1 ? { ...p, screen: paintScreen(), member: { ...p.member, presence: { ...p.member.presence, sharing: true } } } : p)),
    speaker: "0000000000000011",
  }),
  "own-screen": scene(IN_ROOM, { sharing: true, screenStream: paintScreen() }, { participants: people(2) }),
  reconnecting: scene(IN_ROOM, {}, {
    participants: people(3),
    connection: { kind: "reconnecting", sinceMs: Date.now() - 4000, attempt: 2, retryAtMs: Date.now() + 8000 },
  }),
  chat: chatScene(),
  places: placesScene(),
  notices: noticesScene(),
  left: refused({ kind: "left" }),
  replaced: refused({ kind: "replaced" }),
  "refused-full": refused({ kind: "refused", code: "room_full", message: "The room is full." }),
};
