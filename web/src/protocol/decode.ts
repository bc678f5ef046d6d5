// Owns how a text frame from the server is read: from unknown JSON to a ServerFrame, once, with every field looked at.

import {
  anything,
  between,
  count,
  fields,
  flag,
  list,
  maybe,
  need,
  nullable,
  participantId,
  ShapeError,
  text,
  word,
  type Fields,
  type Reader,
} from "./shape";
import {
  ERROR_CODES,
  type Candidate,
  type ChatMessage,
  type Description,
  type ErrorCode,
  type IceServer,
  type IceServers,
  type Limits,
  type Member,
  type Position,
  type Presence,
  type QualityReason,
  type ResumeGrant,
  type RoomPolicy,
  type Roster,
  type SectionState,
  type ServerFrame,
  type ServerMessage,
  type Signal,
  type SlotState,
  type Source,
  type Welcome,
} from "./types";

/** What became of a text frame. `unknown` and `broken` frames are skipped, but their number counts as handled. */
export type Decoded =
  | { readonly kind: "frame"; readonly frame: ServerFrame }
  | { readonly kind: "unknown"; readonly type: string; readonly seq: number | null }
  | { readonly kind: "broken"; readonly problem: string; readonly seq: number | null };

/** Reads a text frame from the server; never throws. */
export function decodeServerFrame(frame: string): Decoded {
  let seq: number | null = null;
  try {
    const object = fields(JSON.parse(frame) as unknown, "frame");
    const type = need(object, "frame", "type", text);
    const known = MESSAGES[type];
    seq = maybe(object, "frame", "seq", count).seq ?? null;
    if (known === undefined) {
      return { kind: "unknown", type, seq };
    }
    return { kind: "frame", frame: { seq, message: known(object, type) } };
  } catch (error) {
    if (error instanceof ShapeError || error instanceof SyntaxError) {
      return { kind: "broken", problem: error.message, seq };
    }
    throw error;
  }
}

const presence: Reader<Presence> = (value, path) => {
  const object = fields(value, path);
  const read = (name: keyof Presence) => maybe(object, path, name, flag)[name] ?? false;
  return {
    hand: read("hand"),
    muted: read("muted"),
    camera_off: read("camera_off"),
    sharing: read("sharing"),
    away: read("away"),
  };
};

const position: Reader<Position> = (value, path) => {
  const object = fields(value, path);
  return {
    latitude: need(object, path, "latitude", between(-90, 90)),
    longitude: need(object, path, "longitude", between(-180, 180)),
    ...maybe(object, path, "accuracy", between(0, 1e8)),
    ...maybe(object, path, "heading", between(0, 360)),
  };
};

const member: Reader<Member> = (value, path) => {
  const object = fields(value, path);
  return {
    id: need(object, path, "id", participantId),
    name: need(object, path, "name", text),
    epoch: need(object, path, "epoch", count),
    capabilities: maybe(object, path, "capabilities", list(text)).capabilities ?? [],
    presence: presence(object["presence"] ?? {}, `${path}.presence`),
    ...maybe(object, path, "position", position),
  };
};

const chatMessage: Reader<ChatMessage> = (value, path) => {
  const object = fields(value, path);
  return {
    number: need(object, path, "number", count),
    from: need(object, path, "from", participantId),
    name: need(object, path, "name", text),
    ...maybe(object, path, "to", participantId),
    at_ms: need(object, path, "at_ms", count),
    text: need(object, path, "text", text),
  };
};

const iceServer: Reader<IceServer> = (value, path) => {
  const object = fields(value, path);
  return {
    urls: need(object, path, "urls", list(text)),
    ...maybe(object, path, "username", text),
    ...maybe(object, path, "credential", text),
  };
};

const iceServers: Reader<IceServers> = (value, path) => {
  const object = fields(value, path);
  return {
    ice_servers: need(object, path, "ice_servers", list(iceServer)),
    ...maybe(object, path, "expires_in_ms", count),
  };
};

const roomPolicy: Reader<RoomPolicy> = (value, path) => {
  const object = fields(value, path);
  return {
    media: need(object, path, "media", word(["auto", "relay-only"])),
    members_max: need(object, path, "members_max", count),
  };
};

const limits: Reader<Limits> = (value, path) => {
  const object = fields(value, path);
  return {
    text_frame_bytes: need(object, path, "text_frame_bytes", count),
    chat_bytes: need(object, path, "chat_bytes", count),
    bus_bytes: need(object, path, "bus_bytes", count),
    frames_per_second: need(object, path, "frames_per_second", count),
  };
};

const source: Reader<Source> = word(["microphone", "camera", "screen", "screen_sound"]);

const slotState: Reader<SlotState> = (value, path) => {
  const object = fields(value, path);
  return {
    mid: need(object, path, "mid", text),
    participant: need(object, path, "participant", participantId),
    source: need(object, path, "source", source),
    state: need(object, path, "state", word(["live", "paused", "unsupported"])),
  };
};

const sectionState: Reader<SectionState> = (value, path) => {
  const object = fields(value, path);
  return {
    mid: need(object, path, "mid", text),
    paused: need(object, path, "paused", flag),
    active: need(object, path, "active", list(text)),
  };
};

const qualityReason: Reader<QualityReason> = word(["loss", "delay", "bandwidth", "layer"]);

const sfuGrant: Reader<NonNullable<Welcome["sfu"]>> = (value, path) => {
  const object = fields(value, path);
  return { slots_max: need(object, path, "slots_max", count), port: need(object, path, "port", count) };
};

const resumeGrant: Reader<ResumeGrant> = (value, path) => {
  const object = fields(value, path);
  return { token: need(object, path, "token", text), grace_ms: need(object, path, "grace_ms", count) };
};

const roster: Reader<Roster> = (value, path) => {
  const object = fields(value, path);
  return { version: need(object, path, "version", count), members: need(object, path, "members", list(member)) };
};

const description: Reader<Description> = (value, path) => {
  const object = fields(value, path);
  return {
    type: need(object, path, "type", word(["offer", "answer", "pranswer", "rollback"])),
    sdp: maybe(object, path, "sdp", text).sdp ?? "",
  };
};

const candidate: Reader<Candidate> = (value, path) => {
  const object = fields(value, path);
  return {
    candidate: need(object, path, "candidate", text),
    ...maybe(object, path, "sdpMid", text),
    ...maybe(object, path, "sdpMLineIndex", count),
    ...maybe(object, path, "usernameFragment", text),
  };
};

const signal: Reader<Signal> = (value, path) => {
  const object = fields(value, path);
  const kind = need(object, path, "kind", word(["description", "candidate", "end_of_candidates"]));
  switch (kind) {
    case "description":
      return { kind, description: need(object, path, "description", description) };
    case "candidate":
      return { kind, candidate: need(object, path, "candidate", candidate) };
    case "end_of_candidates":
      return { kind, ...maybe(object, path, "usernameFragment", text) };
  }
};

const errorCode: Reader<ErrorCode> = (value, path) => {
  const code = text(value, path);
  return ERROR_CODES.find((known) => known === code) ?? "unknown";
};

function welcome(object: Fields, path: string): Welcome {
  return {
    type: "welcome",
    room: need(object, path, "room", text),
    self: need(object, path, "self", member),
    roster: need(object, path, "roster", roster),
    chat: need(object, path, "chat", list(chatMessage)),
    ice: need(object, path, "ice", iceServers),
    policy: need(object, path, "policy", roomPolicy),
    ...maybe(object, path, "sfu", sfuGrant),
    limits: need(object, path, "limits", limits),
    resume: need(object, path, "resume", resumeGrant),
    received: need(object, path, "received", count),
    now_ms: need(object, path, "now_ms", count),
  };
}

/** How each type of message is read. Without a prototype, so that a type named `constructor` is unknown. */
const MESSAGES: Readonly<Record<string, (object: Fields, path: string) => ServerMessage>> = Object.assign(
  Object.create(null) as object,
  {
    welcome,
    resumed: (object: Fields, path: string): ServerMessage => ({
      type: "resumed",
      received: need(object, path, "received", count),
      resume: need(object, path, "resume", resumeGrant),
    }),
    joined: (object: Fields, path: string): ServerMessage => ({
      type: "joined",
      version: need(object, path, "version", count),
      member: need(object, path, "member", member),
    }),
    left: (object: Fields, path: string): ServerMessage => ({
      type: "left",
      version: need(object, path, "version", count),
      participant: need(object, path, "participant", participantId),
      reason: need(object, path, "reason", word(["left", "lost"])),
    }),
    changed: (object: Fields, path: string): ServerMessage => ({
      type: "changed",
      version: need(object, path, "version", count),
      member: need(object, path, "member", member),
    }),
    presence: (object: Fields, path: string): ServerMessage => ({
      type: "presence",
      from: need(object, path, "from", participantId),
      presence: need(object, path, "presence", presence),
    }),
    location: (object: Fields, path: string): ServerMessage => ({
      type: "location",
      from: need(object, path, "from", participantId),
      position: need(object, path, "position", nullable(position)),
    }),
    signal: (object: Fields, path: string): ServerMessage => ({
      type: "signal",
      from: need(object, path, "from", participantId),
      revision: need(object, path, "revision", count),
      signal: need(object, path, "signal", signal),
    }),
    chat: (object: Fields, path: string): ServerMessage => ({
      type: "chat",
      message: need(object, path, "message", chatMessage),
    }),
    bus: (object: Fields, path: string): ServerMessage => ({
      type: "bus",
      from: need(object, path, "from", participantId),
      topic: need(object, path, "topic", text),
      direct: maybe(object, path, "direct", flag).direct ?? false,
      data: need(object, path, "data", anything),
    }),
    ice_servers: (object: Fields, path: string): ServerMessage => ({ type: "ice_servers", ...iceServers(object, path) }),
    sfu_answer: (object: Fields, path: string): ServerMessage => ({
      type: "sfu_answer",
      revision: need(object, path, "revision", count),
      sdp: need(object, path, "sdp", text),
    }),
    sfu_slots: (object: Fields, path: string): ServerMessage => ({
      type: "sfu_slots",
      revision: need(object, path, "revision", count),
      slots: need(object, path, "slots", list(slotState)),
    }),
    sfu_sends: (object: Fields, path: string): ServerMessage => ({
      type: "sfu_sends",
      revision: need(object, path, "revision", count),
      sections: need(object, path, "sections", list(sectionState)),
    }),
    sfu_speakers: (object: Fields, path: string): ServerMessage => ({
      type: "sfu_speakers",
      dominant: need(object, path, "dominant", nullable(participantId)),
      speaking: need(object, path, "speaking", list(participantId)),
    }),
    sfu_quality: (object: Fields, path: string): ServerMessage => ({
      type: "sfu_quality",
      participant: need(object, path, "participant", participantId),
      score: need(object, path, "score", between(0, 100)),
      reasons: need(object, path, "reasons", list(qualityReason)),
    }),
    sfu_state: (object: Fields, path: string): ServerMessage => ({
      type: "sfu_state",
      revision: need(object, path, "revision", count),
      state: need(object, path, "state", word(["connected", "failed", "closed"])),
    }),
    error: (object: Fields, path: string): ServerMessage => ({
      type: "error",
      code: need(object, path, "code", errorCode),
      message: need(object, path, "message", text),
      ...maybe(object, path, "id", text),
    }),
    ack: (object: Fields, path: string): ServerMessage => ({ type: "ack", received: need(object, path, "received", count) }),
    pong: (): ServerMessage => ({ type: "pong" }),
    bye: (object: Fields, path: string): ServerMessage => ({
      type: "bye",
      reason: need(object, path, "reason", word(["shutdown"])),
      retry_after_ms: need(object, path, "retry_after_ms", count),
    }),
  },
);
