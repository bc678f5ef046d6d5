// Owns what the view may ask of a meeting and of this device's media. The view imports these interfaces, never the code behind.

import type { ReadonlySignal } from "@preact/signals";
import type { ParticipantId, Position } from "../protocol/types";
import type { Codec } from "../rtc/sfu-codecs";
import type { LocalMedia, RoomState } from "./state";

/** Microphone, camera and screen of this device; lives from the prejoin screen to the end of the page. */
export interface Media {
  readonly state: ReadonlySignal<LocalMedia>;
  /** Starts or stops the microphone; resolves when done. A failure shows in the state, it is not thrown. */
  setMicrophone(on: boolean): Promise<void>;
  /** Starts or stops the camera; off releases the device. */
  setCamera(on: boolean): Promise<void>;
  chooseMicrophone(deviceId: string): Promise<void>;
  chooseCamera(deviceId: string): Promise<void>;
  chooseSpeaker(deviceId: string): void;
  /** Front and back camera of a phone. */
  switchCamera(): Promise<void>;
  startSharing(): Promise<void>;
  stopSharing(): void;
  /** Looks for devices again. */
  refresh(): Promise<void>;
  /**
   * Called by a meeting. While held, the microphone stays open when muted, so that it speaks again at once. The function
   * returned lets go and stops everything that is captured.
   */
  hold(): () => void;
}

/** A picture of somebody else that the page shows, its size in device pixels. */
export interface Visible {
  readonly participant: ParticipantId;
  readonly source: "camera" | "screen";
  readonly width: number;
  readonly height: number;
  readonly pinned: boolean;
}

/** What a person can do in a room. */
export interface Meeting {
  readonly state: ReadonlySignal<RoomState>;
  sendChat(text: string, to?: ParticipantId): void;
  setHand(raised: boolean): void;
  /** Tells the others that nobody sits at this device. Microphone and camera stay as they are. */
  setAway(away: boolean): void;
  rename(name: string): void;
  /** Shares this device's position until `null`. */
  sharePosition(position: Position | null): void;
  /** Tells which pictures of others are in sight, in order of importance: the server sends no others. */
  showVideos(seen: readonly Visible[]): void;
  /** Tells whose cameras are on no page in sight: those who send directly stop sending them to this one. */
  hideCameras(participants: ReadonlySet<ParticipantId>): void;
  /** Tries a failed link again. */
  retryLink(participant: ParticipantId): void;
  /** A link that hands this call over to another device (it carries the resume token in its fragment). */
  handoverUrl(): string | null;
  /**
   * Leaves for good, so not for `pagehide`: a reload must find the session again. A closed page is missed by the others
   * after the grace time.
   */
  leave(): void;
}

/** How media shall travel. */
export interface Travel {
  /** Everything through the server, also what could go directly. */
  readonly viaServer: boolean;
  /** The codec to send pictures with through the server; null: the browser's choice. */
  readonly codec: Codec | null;
}

export interface JoinOptions {
  readonly room: string;
  readonly name: string;
  readonly media: Media;
  readonly travel: Travel;
  /** From a handover link. */
  readonly resumeToken?: string;
  /** Ends the meeting without a word to the view. */
  readonly signal: AbortSignal;
}
