// Owns the words of the wire format in TypeScript; ../../../src/protocol/protocol.md is their definition.

/** 16 lowercase hexadecimal digits. */
export type ParticipantId = string;

export const SUBPROTOCOL = "visavis.v1";
export const WEBSOCKET_PATH = "/api/ws";
/** The capability of a member that answers session descriptions. */
export const CAPABILITY_WEBRTC = "webrtc";
/** The capability of a member that can use the SFU. */
export const CAPABILITY_SFU = "sfu";

export const ERROR_CODES = [
  "bad_json",
  "unknown_type",
  "bad_message",
  "bad_frame",
  "too_large",
  "wrong_state",
  "bad_room",
  "bad_name",
  "bad_topic",
  "room_full",
  "server_full",
  "no_such_participant",
  "resume_mismatch",
  "resume_stale",
  "shutting_down",
  "bad_offer",
  "too_fast",
  "no_sfu",
] as const;

/** What was wrong, stable for programs; `unknown` for a code of a later server. */
export type ErrorCode = (typeof ERROR_CODES)[number] | "unknown";

/** Why the server closed the WebSocket. */
export const CLOSE_CODE = {
  normal: 1000,
  goingAway: 1001,
  tooLarge: 1009,
  protocol: 4000,
  replaced: 4001,
  slowReader: 4002,
  helloTimeout: 4003,
  refused: 4004,
  dead: 4005,
} as const;

/** How a member takes part at the moment. */
export interface Presence {
  readonly hand: boolean;
  readonly muted: boolean;
  readonly camera_off: boolean;
  readonly sharing: boolean;
  readonly away: boolean;
}

/** A place on the WGS 84 ellipsoid: degrees, metres. */
export interface Position {
  readonly latitude: number;
  readonly longitude: number;
  readonly accuracy?: number;
  readonly heading?: number;
}

/** One member as the others see it. */
export interface Member {
  readonly id: ParticipantId;
  readonly name: string;
  /** Counts the devices that have spoken for this participant. */
  readonly epoch: number;
  readonly capabilities: readonly string[];
  readonly presence: Presence;
  readonly position?: Position;
}

export interface ChatMessage {
  /** Counts the room's messages from 1. */
  readonly number: number;
  readonly from: ParticipantId;
  readonly name: string;
  /** The one reader of a private message. */
  readonly to?: ParticipantId;
  readonly at_ms: number;
  readonly text: string;
}

export interface IceServer {
  readonly urls: readonly string[];
  readonly username?: string;
  readonly credential?: string;
}

export interface IceServers {
  readonly ice_servers: readonly IceServer[];
  /** Absent: they hold for ever. */
  readonly expires_in_ms?: number;
}

/** How media may flow in a room. */
export interface RoomPolicy {
  readonly media: "auto" | "relay-only";
  readonly members_max: number;
}

export interface Limits {
  readonly text_frame_bytes: number;
  readonly chat_bytes: number;
  readonly bus_bytes: number;
  readonly frames_per_second: number;
}

export interface ResumeGrant {
  /** Whoever has it speaks for this participant. */
  readonly token: string;
  readonly grace_ms: number;
}

export interface Roster {
  readonly version: number;
  readonly members: readonly Member[];
}

export interface Description {
  readonly type: "offer" | "answer" | "pranswer" | "rollback";
  readonly sdp: string;
}

export interface Candidate {
  readonly candidate: string;
  readonly sdpMid?: string;
  readonly sdpMLineIndex?: number;
  readonly usernameFragment?: string;
}

/** What one end of a link tells the other. */
export type Signal =
  | { readonly kind: "description"; readonly description: Description }
  | { readonly kind: "candidate"; readonly candidate: Candidate }
  | { readonly kind: "end_of_candidates"; readonly usernameFragment?: string };

/** The session to return to. With the token alone, this device takes it over. */
export interface Resume {
  readonly token: string;
  /** The own epoch in the last welcome. */
  readonly epoch?: number;
  /** The last server frame handled. */
  readonly seq?: number;
  /** Counts the connections since that welcome. */
  readonly attempt?: number;
}

export interface Hello {
  readonly type: "hello";
  readonly room: string;
  readonly name: string;
  readonly resume?: Resume;
  readonly capabilities?: readonly string[];
  readonly presence?: Presence;
}

/** What a member sends. */
export type Source = "microphone" | "camera" | "screen" | "screen_sound";

/** What one sending section of an offer carries. */
export interface SendSection {
  readonly mid: string;
  readonly source: Source;
}

/** A picture that a client shows, in device pixels. */
export interface Shown {
  readonly participant: ParticipantId;
  readonly source: Source;
  readonly width: number;
  readonly height: number;
  readonly pinned: boolean;
}

/** How a receive slot fares. */
export type SlotStanding = "live" | "paused" | "unsupported";

/** What a receive slot carries. */
export interface SlotState {
  readonly mid: string;
  readonly participant: ParticipantId;
  readonly source: Source;
  readonly state: SlotStanding;
}

/** What anybody wants of one sending section. */
export interface SectionState {
  readonly mid: string;
  readonly paused: boolean;
  readonly active: readonly string[];
}

/** How the peer connection with the SFU stands. */
export type SfuState = "connected" | "failed" | "closed";

/** What costs points of a quality score. */
export type QualityReason = "loss" | "delay" | "bandwidth" | "layer";

/** What a client says within a session; these may be numbered. */
export type ClientMessage =
  | { readonly type: "signal"; readonly to: ParticipantId; readonly revision: number; readonly signal: Signal }
  | { readonly type: "chat"; readonly text: string; readonly to?: ParticipantId }
  | ({ readonly type: "presence" } & Partial<Presence>)
  | { readonly type: "rename"; readonly name: string }
  | { readonly type: "location"; readonly position: Position | null }
  | { readonly type: "sfu_offer"; readonly revision: number; readonly sdp: string; readonly sends: readonly SendSection[] }
  | { readonly type: "sfu_view"; readonly videos: readonly Shown[] }
  | { readonly type: "sfu_close" }
  | {
      readonly type: "bus";
      readonly topic: string;
      readonly data: unknown;
      readonly to?: ParticipantId;
      readonly latest?: boolean;
    };

/** What a client says about its connection; never numbered. */
export type ConnectionMessage =
  | Hello
  | { readonly type: "ack"; readonly received: number }
  | { readonly type: "ping" }
  | { readonly type: "leave" };

export interface Welcome {
  readonly type: "welcome";
  readonly room: string;
  readonly self: Member;
  readonly roster: Roster;
  readonly chat: readonly ChatMessage[];
  readonly ice: IceServers;
  readonly policy: RoomPolicy;
  readonly limits: Limits;
  readonly resume: ResumeGrant;
  /** The number of the last client frame received. */
  readonly received: number;
  /** The server's clock, in milliseconds since 1970 (UTC). */
  readonly now_ms: number;
  /** How to use the SFU; absent: the server has none. `slots_max`: most receive slots; `port`: where it takes media. */
  readonly sfu?: { readonly slots_max: number; readonly port: number };
}

/** What the server says within a session. */
export type ServerMessage =
  | Welcome
  | { readonly type: "resumed"; readonly received: number; readonly resume: ResumeGrant }
  | { readonly type: "joined"; readonly version: number; readonly member: Member }
  | {
      readonly type: "left";
      readonly version: number;
      readonly participant: ParticipantId;
      readonly reason: "left" | "lost";
    }
  | { readonly type: "changed"; readonly version: number; readonly member: Member }
  | { readonly type: "presence"; readonly from: ParticipantId; readonly presence: Presence }
  | { readonly type: "location"; readonly from: ParticipantId; readonly position: Position | null }
  | { readonly type: "signal"; readonly from: ParticipantId; readonly revision: number; readonly signal: Signal }
  | { readonly type: "chat"; readonly message: ChatMessage }
  | {
      readonly type: "bus";
      readonly from: ParticipantId;
      readonly topic: string;
      readonly data: unknown;
      readonly direct: boolean;
    }
  | ({ readonly type: "ice_servers" } & IceServers)
  | { readonly type: "sfu_answer"; readonly revision: number; readonly sdp: string }
  | { readonly type: "sfu_slots"; readonly revision: number; readonly slots: readonly SlotState[] }
  | { readonly type: "sfu_sends"; readonly revision: number; readonly sections: readonly SectionState[] }
  | { readonly type: "sfu_speakers"; readonly dominant: ParticipantId | null; readonly speaking: readonly ParticipantId[] }
  | { readonly type: "sfu_quality"; readonly participant: ParticipantId; readonly score: number; readonly reasons: readonly QualityReason[] }
  | { readonly type: "sfu_state"; readonly revision: number; readonly state: SfuState }
  | { readonly type: "error"; readonly code: ErrorCode; readonly message: string; readonly id?: string }
  | { readonly type: "ack"; readonly received: number }
  | { readonly type: "pong" }
  | { readonly type: "bye"; readonly reason: "shutdown"; readonly retry_after_ms: number };

/** A text frame from the server. */
export interface ServerFrame {
  /** Counted from 1 within a session; null for what belongs to the connection only. */
  readonly seq: number | null;
  readonly message: ServerMessage;
}
