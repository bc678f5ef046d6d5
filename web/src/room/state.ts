// Owns the shape of a meeting as the page shows it: one immutable value, changed only by the reducer in reducer.ts.
// It names no DOM element except MediaStream, and no peer connection.

import type { ChatMessage, ErrorCode, Member, ParticipantId, Position, QualityReason, RoomPolicy, SlotStanding } from "../protocol/types";
import type { Reach } from "./reach";

/**
 * Where the page stands with the server. `reconnecting`: the WebSocket is lost, the call goes on.
 * `joining` counts the attempts that failed, absent for none.
 */
export type Connection =
  | { kind: "joining"; attempt?: number }
  | { kind: "connected" }
  | { kind: "reconnecting"; sinceMs: number; attempt: number; retryAtMs: number }
  | { kind: "ended"; reason: EndReason };

/** Why a meeting is over. `refused` carries the server's code and sentence. */
export type EndReason =
  | { kind: "left" }
  | { kind: "replaced" }
  | { kind: "refused"; code: ErrorCode; message: string };

/** Which way media takes to a member: through the SFU, or as the selected candidate pair says. */
export type Path = "direct" | "relayed" | "server";

/** A picture that arrives, in figures. */
export interface Figures {
  /** VP8, H264, VP9, AV1; null until known. */
  readonly codec: string | null;
  /** Pixels; 0 until the first frame. */
  readonly width: number;
  readonly height: number;
  /** The part of the packets that was lost of late, 0 to 1; null when nothing came. */
  readonly loss: number | null;
}

/** How well a member's media gets through: 0 (nothing does) to 100, and what costs points, the worst first. */
export interface Quality {
  readonly score: number;
  readonly reasons: readonly QualityReason[];
}

/** The way to one member. `none`: that member has no media, or none that gets here. */
export interface Link {
  readonly state: "none" | "connecting" | "connected" | "reconnecting" | "failed";
  readonly path: Path | null;
  /** Round trip of the selected pair in milliseconds, null until measured. */
  readonly rttMs: number | null;
  /** Of the camera's picture; absent or null while none arrives. */
  readonly figures?: Figures | null;
}

/** Another member of the room, with what it sends. A stream is null while nothing of it has arrived. */
export interface Participant {
  readonly member: Member;
  readonly reach: Reach;
  readonly link: Link;
  /** Microphone and camera. The video track may be muted or missing: then show the avatar. */
  readonly camera: MediaStream | null;
  /** A shared screen. */
  readonly screen: MediaStream | null;
  /** Whether frames of the camera arrive. */
  readonly cameraLive: boolean;
  /** Whether frames of the screen arrive, as far as is known. */
  readonly screenLive: boolean;
  /** Through the server: whether it lets the picture through. */
  readonly cameraStanding: SlotStanding;
  readonly screenStanding: SlotStanding;
  /** As the server measures it; null where it does not. */
  readonly quality: Quality | null;
  /** Loudness of its voice, 0 to 1, refreshed about four times a second. */
  readonly level: number;
}

/** A microphone or camera of this device. `blocked`, `missing`, `busy` say what the person has to mend. */
export type DeviceState = "off" | "starting" | "on" | "blocked" | "missing" | "busy" | "insecure";

/** Something that happened to a device of its own accord: told once, the newest last, at most 20. */
export interface MediaTrouble {
  readonly number: number;
  readonly kind: "device-lost" | "share-failed";
  /** The device's label, or what the browser said. */
  readonly label: string;
}

/** What this device captures and which devices there are. */
export interface LocalMedia {
  readonly microphone: DeviceState;
  readonly camera: DeviceState;
  readonly sharing: boolean;
  /** For the links; never to be played. Kept, but silent, while muted in a meeting. */
  readonly microphoneStream: MediaStream | null;
  /** Camera preview, mirrored by the view; null while the camera is off. */
  readonly cameraStream: MediaStream | null;
  readonly screenStream: MediaStream | null;
  readonly devices: readonly { readonly id: string; readonly kind: MediaDeviceKind; readonly label: string }[];
  readonly microphoneId: string | null;
  readonly cameraId: string | null;
  readonly speakerId: string | null;
  /** Loudness of the own microphone, 0 to 1. */
  readonly level: number;
  /** Before a meeting the view tells these; in a meeting they also come as notices. */
  readonly troubles: readonly MediaTrouble[];
}

/** A message of one's own that the server has not delivered yet. */
export interface UnsentChat {
  readonly text: string;
  readonly to: ParticipantId | null;
}

/** Everything that the room view shows. */
export interface RoomState {
  readonly room: string;
  readonly connection: Connection;
  readonly self: Member | null;
  /** How well one's own media gets to the server; null where that is not measured. */
  readonly ownQuality: Quality | null;
  /** In the order of joining, without oneself. */
  readonly participants: readonly Participant[];
  readonly chat: readonly ChatMessage[];
  /** Own messages on their way, oldest first; while reconnecting they wait here. */
  readonly unsent: readonly UnsentChat[];
  readonly policy: RoomPolicy | null;
  /** Own position while it is shared. */
  readonly position: Position | null;
  /** The loudest remote speaker of the last second, or null. */
  readonly speaker: ParticipantId | null;
  /** Refusals by the server and other things the person should hear of once; the newest last, at most 20. */
  readonly notices: readonly Notice[];
}

/**
 * Something to tell the person once. `text` is set for server sentences, for the chat text of `unsent` (too much waits to be
 * sent, this was not taken), and for the label of `device-lost`; `kind` is translated by the view.
 */
export interface Notice {
  readonly number: number;
  readonly kind: "joined" | "left" | "hand" | "chat" | "server-error" | "device-lost" | "share-failed" | "unsent";
  readonly participant: ParticipantId | null;
  readonly name: string;
  readonly text: string | null;
}
