// Owns how the state of a meeting changes: one pure function from what was and what happened to what is.

import { assertNever } from "../assert";
import type { ChatMessage, Member, ParticipantId, Position, Presence, SlotStanding, Welcome } from "../protocol/types";
import type { SessionMessage } from "../signaling/session";
import { reachOf, type Reach } from "./reach";
import type { Connection, Link, Notice, Participant, Quality, RoomState, UnsentChat } from "./state";

const NOTICES_MAX = 20;
/** The page keeps more than the server's history, but not for ever. */
const CHAT_MAX = 1000;

/** What has arrived from a member, whether or not it is shown at the moment. */
export interface Received {
  readonly camera: MediaStream | null;
  readonly screen: MediaStream | null;
  /** Frames of the camera come in. */
  readonly frames: boolean;
  /** Frames of the screen come in. Nobody watches that on a direct link. */
  readonly screenFrames: boolean;
  readonly cameraStanding: SlotStanding;
  readonly screenStanding: SlotStanding;
}

/** The state with what the view does not see. */
export interface Model {
  readonly shown: RoomState;
  readonly received: ReadonlyMap<ParticipantId, Received>;
  /** The server forwards media. */
  readonly forwards: boolean;
  /** The last notice's number. */
  readonly noticed: number;
}

/** What can happen in a meeting. */
export type RoomEvent =
  | { readonly kind: "connection"; readonly connection: Connection }
  /** Everything anew; `unsent` is what will be sent again. */
  | { readonly kind: "welcome"; readonly welcome: Welcome; readonly unsent: readonly UnsentChat[] }
  | { readonly kind: "message"; readonly message: SessionMessage }
  | { readonly kind: "own-presence"; readonly presence: Presence }
  | { readonly kind: "own-position"; readonly position: Position | null }
  | { readonly kind: "chat-queued"; readonly chat: UnsentChat }
  | { readonly kind: "link"; readonly participant: ParticipantId; readonly link: Partial<Link> }
  | { readonly kind: "received"; readonly participant: ParticipantId; readonly received: Partial<Received> }
  | { readonly kind: "levels"; readonly levels: ReadonlyMap<ParticipantId, number>; readonly speaker: ParticipantId | null }
  | { readonly kind: "notice"; readonly notice: Pick<Notice, "kind" | "text"> };

const NOTHING: Received = {
  camera: null,
  screen: null,
  frames: false,
  screenFrames: true,
  cameraStanding: "live",
  screenStanding: "live",
};
const NO_MEDIA: Link = { state: "none", path: null, rttMs: null };
const CONNECTING: Link = { state: "connecting", path: null, rttMs: null };

export function initialModel(room: string): Model {
  return {
    shown: {
      room,
      connection: { kind: "joining" },
      self: null,
      ownQuality: null,
      participants: [],
      chat: [],
      unsent: [],
      policy: null,
      position: null,
      speaker: null,
      notices: [],
    },
    received: new Map(),
    forwards: false,
    noticed: 0,
  };
}

export function reduce(model: Model, event: RoomEvent): Model {
  switch (event.kind) {
    case "connection":
      return show(model, { connection: event.connection });
    case "welcome":
      return welcome(model, event.welcome, event.unsent);
    case "message":
      return message(model, event.message);
    case "own-presence":
      return ownMember(model, (self) => ({ ...self, presence: event.presence }));
    case "own-position":
      return show(model, { position: event.position });
    case "chat-queued":
      return show(model, { unsent: [...model.shown.unsent, event.chat] });
    case "link":
      return change(model, event.participant, (participant) => ({ ...participant, link: { ...participant.link, ...event.link } }));
    case "received":
      return receive(model, event.participant, event.received);
    case "levels":
      return levels(model, event.levels, event.speaker);
    case "notice":
      return notice(model, event.notice.kind, null, event.notice.text);
    default:
      return assertNever(event);
  }
}

function show(model: Model, change: Partial<RoomState>): Model {
  return { ...model, shown: { ...model.shown, ...change } };
}

function reach({ shown, forwards }: Model, member: Member): Reach {
  return shown.self === null ? "none" : reachOf(shown.self, member, forwards);
}

function arrival(model: Model, member: Member): Participant {
  const way = reach(model, member);
  return {
    member,
    reach: way,
    link: way === "none" ? NO_MEDIA : CONNECTING,
    camera: null,
    screen: null,
    cameraLive: false,
    screenLive: false,
    cameraStanding: "live",
    screenStanding: "live",
    quality: null,
    level: 0,
  };
}

function welcome(before: Model, { self, roster, chat, policy, room, sfu }: Welcome, unsent: readonly UnsentChat[]): Model {
  const model = { ...show(before, { self, ownQuality: null }), forwards: sfu !== undefined };
  const known = new Set(chat.map((entry) => entry.number));
  // Private messages are in no history: the page's own copy is the only one, as long as it is the same participant.
  const own = before.shown.self?.id === self.id ? before.shown.chat.filter((entry) => entry.to !== undefined) : [];
  const kept = own.filter((entry) => !known.has(entry.number));
  return {
    ...model,
    received: new Map(),
    shown: {
      ...model.shown,
      room,
      participants: roster.members.map((member) => arrival(model, member)),
      chat: [...kept, ...chat].sort((a, b) => a.number - b.number),
      unsent,
      policy,
      position: self.position ?? null,
      speaker: null,
    },
  };
}

function message(model: Model, message: SessionMessage): Model {
  switch (message.type) {
    case "joined":
      return joined(model, message.member);
    case "left":
      return left(model, message.participant);
    case "changed":
      return changed(model, message.member);
    case "presence":
      return presence(model, message.from, message.presence);
    case "location":
      return change(model, message.from, (participant) => ({ ...participant, member: placed(participant.member, message.position) }));
    case "chat":
      return chat(model, message.message);
    case "error":
      return refused(model, message.id ?? "", message.message);
    case "sfu_quality":
      return quality(model, message.participant, { score: message.score, reasons: message.reasons });
    case "signal":
    case "bus":
    case "ice_servers":
    case "sfu_answer":
    case "sfu_slots":
    case "sfu_sends":
    case "sfu_speakers":
    case "sfu_state":
      return model;
    default:
      return assertNever(message);
  }
}

function joined(model: Model, member: Member): Model {
  const others = model.shown.participants.filter((participant) => participant.member.id !== member.id);
  const grown = show(model, { participants: [...others, arrival(model, member)] });
  return notice(grown, "joined", member, null);
}

function left(model: Model, id: ParticipantId): Model {
  const gone = model.shown.participants.find((participant) => participant.member.id === id);
  if (gone === undefined) {
    return model;
  }
  const received = new Map(model.received);
  received.delete(id);
  const shrunk = show(model, {
    participants: model.shown.participants.filter((participant) => participant !== gone),
    speaker: model.shown.speaker === id ? null : model.shown.speaker,
  });
  return notice({ ...shrunk, received }, "left", gone.member, null);
}

function changed(model: Model, member: Member): Model {
  if (model.shown.self?.id === member.id) {
    return ownMember(model, (self) => ({ ...member, presence: self.presence }));
  }
  const before = model.shown.participants.find((participant) => participant.member.id === member.id);
  if (before === undefined) {
    return model;
  }
  if (member.epoch > before.member.epoch || reach(model, member) !== before.reach) {
    const received = new Map(model.received);
    received.delete(member.id);
    return change({ ...model, received }, member.id, () => arrival(model, member));
  }
  return reveal(change(model, member.id, (participant) => ({ ...participant, member })), member.id);
}

function presence(model: Model, id: ParticipantId, presence: Presence): Model {
  const before = model.shown.participants.find((participant) => participant.member.id === id);
  if (before === undefined) {
    return model;
  }
  const member = { ...before.member, presence };
  const changed = reveal(change(model, id, (participant) => ({ ...participant, member })), id);
  return presence.hand && !before.member.presence.hand ? notice(changed, "hand", member, null) : changed;
}

function quality(model: Model, id: ParticipantId, quality: Quality): Model {
  return model.shown.self?.id === id
    ? show(model, { ownQuality: quality })
    : change(model, id, (participant) => ({ ...participant, quality }));
}

function placed(member: Member, position: Position | null): Member {
  const { position: before, ...rest } = member;
  return position === null ? rest : { ...rest, position };
}

function chat(model: Model, entry: ChatMessage): Model {
  const { chat, unsent, self } = model.shown;
  const grown = [...chat, entry].slice(-CHAT_MAX);
  if (entry.from !== self?.id) {
    const from = model.shown.participants.find((participant) => participant.member.id === entry.from);
    return notice(show(model, { chat: grown }), "chat", from?.member ?? { id: entry.from, name: entry.name }, null);
  }
  const delivered = unsent.findIndex((waiting) => waiting.text === entry.text && waiting.to === (entry.to ?? null));
  return show(model, { chat: grown, unsent: unsent.filter((_, index) => index !== delivered) });
}

/** The person hears of what they did themselves; that a signal found nobody any more is no news. */
function refused(model: Model, id: string, text: string): Model {
  const about = id.split("-")[0];
  if (about === "signal" || about?.startsWith("sfu_") === true) {
    return model;
  }
  // Chat is answered in order, so the refused message is the oldest.
  const unsent = about === "chat" ? model.shown.unsent.slice(1) : model.shown.unsent;
  return notice(show(model, { unsent }), "server-error", null, text);
}

function ownMember(model: Model, change: (self: Member) => Member): Model {
  return model.shown.self === null ? model : show(model, { self: change(model.shown.self) });
}

function change(model: Model, id: ParticipantId, change: (participant: Participant) => Participant): Model {
  const participants = model.shown.participants.map((participant) =>
    participant.member.id === id ? change(participant) : participant,
  );
  return show(model, { participants });
}

function receive(model: Model, id: ParticipantId, change: Partial<Received>): Model {
  if (!model.shown.participants.some((participant) => participant.member.id === id)) {
    return model;
  }
  const received = new Map(model.received);
  received.set(id, { ...(received.get(id) ?? NOTHING), ...change });
  return reveal({ ...model, received }, id);
}

/** What is shown of a member is what has arrived and what it says that it sends: a switched-off camera leaves its last frame. */
function reveal(model: Model, id: ParticipantId): Model {
  const received = model.received.get(id) ?? NOTHING;
  return change(model, id, (participant) => {
    const { camera_off, sharing } = participant.member.presence;
    return {
      ...participant,
      camera: received.camera,
      screen: sharing ? received.screen : null,
      cameraLive: received.frames && !camera_off,
      screenLive: received.screenFrames,
      cameraStanding: received.cameraStanding,
      screenStanding: received.screenStanding,
    };
  });
}

function levels(model: Model, levels: ReadonlyMap<ParticipantId, number>, speaker: ParticipantId | null): Model {
  const { participants } = model.shown;
  const level = (participant: Participant) => levels.get(participant.member.id) ?? 0;
  if (speaker === model.shown.speaker && participants.every((participant) => participant.level === level(participant))) {
    return model;
  }
  const heard = participants.map((participant) =>
    participant.level === level(participant) ? participant : { ...participant, level: level(participant) },
  );
  return show(model, { participants: heard, speaker });
}

function notice(model: Model, kind: Notice["kind"], from: Pick<Member, "id" | "name"> | null, text: string | null): Model {
  const number = model.noticed + 1;
  const next: Notice = { number, kind, participant: from?.id ?? null, name: from?.name ?? "", text };
  return { ...show(model, { notices: [...model.shown.notices, next].slice(-NOTICES_MAX) }), noticed: number };
}
