// Owns one peer connection to the SFU. What it should be is written down at once; one loop at a time makes it so.

import type { SectionState, SendSection } from "../protocol/types";
import type { Codec } from "./sfu-codecs";
import { activate } from "./sfu-encodings";
import { SfuSections } from "./sfu-sections";
import type { Tracks } from "./slots";

const BUS = "bus";

export interface SfuConnectionEvents {
  offer(sdp: string, sends: readonly SendSection[]): void;
  /** An answer was taken. */
  negotiated(): void;
  changed(state: RTCPeerConnectionState): void;
  /** A step failed in a way that this peer connection will not get over. */
  stumbled(error: unknown): void;
  bus(frame: string | Uint8Array): void;
}

export class SfuConnection {
  readonly #connection: RTCPeerConnection;
  readonly #events: SfuConnectionEvents;
  readonly #sections: SfuSections;
  #tracks: Tracks;
  #pool: number;
  #answer: string | null = null;
  #wanted: readonly SectionState[] = [];
  /** The description has to be made, or made anew. */
  #stale = true;
  #answered = false;
  #pending = false;
  #working = false;
  #closed = false;

  constructor(connection: RTCPeerConnection, codec: Codec | null, tracks: Tracks, pool: number, events: SfuConnectionEvents) {
    this.#connection = connection;
    this.#events = events;
    this.#tracks = tracks;
    this.#pool = pool;
    this.#sections = new SfuSections(connection, codec);
    this.#openBus();
    connection.onconnectionstatechange = () => {
      events.changed(connection.connectionState);
    };
    this.#wake();
  }

  get state(): RTCPeerConnectionState {
    return this.#connection.connectionState;
  }

  /** Slots for pictures, made or wanted. */
  get pool(): number {
    return this.#pool;
  }

  setTracks(tracks: Tracks): void {
    this.#tracks = tracks;
    this.#wake();
  }

  setPool(pool: number): void {
    this.#pool = pool;
    this.#wake();
  }

  /** What of the sending sections anybody wants. */
  setWanted(sections: readonly SectionState[]): void {
    this.#wanted = sections;
    this.#wake();
  }

  handleAnswer(sdp: string): void {
    this.#answer = sdp;
    this.#wake();
  }

  /** A new ICE generation (RFC 8445 section 9); the old one goes on until then. */
  restart(): void {
    this.#connection.restartIce();
    this.#stale = true;
    this.#wake();
  }

  trackOf(mid: string): MediaStreamTrack | null {
    return this.#sections.trackOf(mid);
  }

  getStats(): Promise<RTCStatsReport> {
    return this.#connection.getStats();
  }

  close(): void {
    this.#closed = true;
    this.#connection.onconnectionstatechange = null;
    this.#connection.close();
  }

  #openBus(): void {
    const channel = this.#connection.createDataChannel(BUS);
    channel.binaryType = "arraybuffer";
    channel.onmessage = ({ data }: MessageEvent<unknown>) => {
      if (typeof data === "string") {
        this.#events.bus(data);
      } else if (data instanceof ArrayBuffer) {
        this.#events.bus(new Uint8Array(data));
      }
    };
  }

  #wake(): void {
    this.#pending = true;
    if (!this.#working) {
      this.#working = true;
      void this.#work();
    }
  }

  async #work(): Promise<void> {
    // What is asked for in one go is done in one go.
    await Promise.resolve();
    while (this.#pending && !this.#closed) {
      this.#pending = false;
      await this.#reconcile().catch((error: unknown) => {
        this.#stumble(error);
      });
    }
    this.#working = false;
  }

  /** What the browser refuses because the connection was closed meanwhile is no trouble. */
  #stumble(error: unknown): void {
    if (!this.#closed) {
      this.#events.stumbled(error);
    }
  }

  async #reconcile(): Promise<void> {
    await this.#takeAnswer();
    await this.#attachTracks();
    this.#stale = this.#sections.grow(this.#pool) || this.#stale;
    // Between an offer and its answer the senders are in the browser's hands; the answer wakes this loop again.
    if (this.#connection.signalingState === "stable" && !this.#closed) {
      await this.#applyWanted();
      if (this.#stale) {
        await this.#offer();
      }
    }
  }

  async #takeAnswer(): Promise<void> {
    const sdp = this.#answer;
    this.#answer = null;
    if (sdp !== null && this.#connection.signalingState === "have-local-offer") {
      await this.#connection.setRemoteDescription({ type: "answer", sdp });
      this.#answered = true;
      this.#events.negotiated();
    }
  }

  async #attachTracks(): Promise<void> {
    const tracks = this.#tracks;
    for (const [slot, { sender }] of this.#sections.sends) {
      if (sender.track !== tracks[slot] && !this.#closed) {
        await sender.replaceTrack(tracks[slot]);
      }
    }
  }

  async #applyWanted(): Promise<void> {
    if (!this.#answered) {
      return;
    }
    for (const section of this.#wanted) {
      const sender = this.#sections.senderOf(section.mid);
      const parameters = sender?.getParameters();
      if (sender !== null && parameters !== undefined && activate(parameters.encodings, section)) {
        await sender.setParameters(parameters).catch((error: unknown) => {
          // Refused by a browser that cannot: then more is sent than anybody needs.
          console.debug("sender", error);
        });
      }
    }
  }

  async #offer(): Promise<void> {
    this.#stale = false;
    await this.#connection.setLocalDescription();
    const sends: SendSection[] = [];
    for (const [source, { mid }] of this.#sections.sends) {
      if (mid !== null) {
        sends.push({ mid, source: source === "screenSound" ? "screen_sound" : source });
      }
    }
    this.#events.offer(this.#connection.localDescription?.sdp ?? "", sends);
  }
}
