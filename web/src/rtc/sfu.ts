// Owns this page's way to others through the server: when there is a connection to the SFU, its repair, and what it carries.

import type { ClientMessage, Member, ParticipantId, ServerMessage, SfuState, SlotState, Welcome } from "../protocol/types";
import type { Visible } from "../room/meeting";
import { reachOf } from "../room/reach";
import type { Received } from "../room/reducer";
import type { Link as LinkState } from "../room/state";
import { entriesOf } from "./figures";
import type { LinkWorld } from "./link";
import { SfuArrivals } from "./sfu-arrivals";
import type { Codec } from "./sfu-codecs";
import { SfuConnection } from "./sfu-connection";
import { SfuMending } from "./sfu-mending";
import { poolFor } from "./sfu-sections";
import { interpretSfuStats, type SfuStats } from "./sfu-stats";
import { SfuView } from "./sfu-view";
import { NO_TRACKS, SLOTS, type Tracks } from "./slots";

const STATS_INTERVAL_MS = 2000;
/** While a picture is about to come, so that it is seen as soon as it is there. */
const STATS_CLOSELY_MS = 100;
/** Who comes back soon finds everything as it was. */
const UNNEEDED_MS = 10_000;
/** A participant's devices have revisions of their own: the server must not take one's offer for another's. */
const REVISIONS_PER_EPOCH = 100_000;

export type SfuMessage = Extract<ServerMessage, { type: "sfu_answer" | "sfu_slots" | "sfu_sends" | "sfu_state" }>;

export interface SfuWorld extends LinkWorld {
  /** 0 to 1. */
  random(): number;
}

export interface SfuEvents {
  send(message: ClientMessage): void;
  status(participant: ParticipantId, link: Partial<LinkState>): void;
  received(participant: ParticipantId, received: Partial<Received>): void;
  bus(frame: string | Uint8Array): void;
}

export interface SfuOptions {
  /** Everything shall go through the server. */
  readonly forced: boolean;
  /** With which codec to send, null for the browser's choice. */
  readonly codec: Codec | null;
}

export class Sfu {
  readonly #world: SfuWorld;
  readonly #options: SfuOptions;
  readonly #events: SfuEvents;
  readonly #arrivals: SfuArrivals;
  readonly #view: SfuView;
  readonly #mending: SfuMending;
  readonly #reached = new Set<ParticipantId>();
  #self: Member | null = null;
  #slotsMax: number | null = null;
  #tracks: Tracks = NO_TRACKS;
  #shown = 0;
  #signaling = false;
  #revision = 0;
  #connection: SfuConnection | null = null;
  #slots: readonly SlotState[] = [];
  #stats: SfuStats = { rttMs: null, slots: new Map() };
  #cancelStats: (() => void) | null = null;
  #cancelClose: (() => void) | null = null;

  constructor(world: SfuWorld, options: SfuOptions, events: SfuEvents) {
    this.#world = world;
    this.#options = options;
    this.#events = events;
    this.#arrivals = new SfuArrivals((participant, received) => {
      events.received(participant, received);
    });
    this.#view = new SfuView(world, (videos) => {
      if (this.#connection !== null) {
        events.send({ type: "sfu_view", videos });
      }
    });
    this.#mending = new SfuMending(world, {
      restart: () => this.#connection?.restart(),
      renew: () => {
        this.#open();
      },
      state: () => this.#connection?.state ?? null,
    });
  }

  /** Everything anew: the server knows nothing of an earlier connection. */
  welcome({ self, roster, sfu }: Welcome): void {
    this.#drop();
    this.#reached.clear();
    this.#self = self;
    this.#slotsMax = sfu?.slots_max ?? null;
    this.#revision = Math.max(this.#revision, self.epoch * REVISIONS_PER_EPOCH);
    this.#signaling = true;
    this.#mending.setSignaling(true);
    for (const member of roster.members) {
      this.#note(member);
    }
    this.#need();
  }

  joined(member: Member): void {
    this.#note(member);
    this.#need();
  }

  changed(member: Member): void {
    const before = this.#reached.has(member.id);
    this.#note(member);
    // The reducer begins anew with a member that is another or comes another way.
    if (this.#reached.has(member.id) || before) {
      this.#assign();
    }
    this.#need();
  }

  left(participant: ParticipantId): void {
    this.#reached.delete(participant);
    this.#need();
  }

  handle(message: SfuMessage): void {
    // What is about an earlier connection has no meaning for this one.
    if (this.#connection === null || message.revision !== this.#revision) {
      return;
    }
    switch (message.type) {
      case "sfu_answer":
        this.#connection.handleAnswer(message.sdp);
        return;
      case "sfu_slots":
        this.#slots = message.slots;
        this.#assign();
        return;
      case "sfu_sends":
        this.#connection.setWanted(message.sections);
        return;
      case "sfu_state":
        this.#handleServerState(message.state);
        return;
    }
  }

  /** The server refused an offer. */
  refused(): void {
    this.#lose();
  }

  setTracks(tracks: Tracks): void {
    if (SLOTS.some((slot) => tracks[slot] !== this.#tracks[slot])) {
      this.#tracks = tracks;
      this.#connection?.setTracks(tracks);
    }
  }

  /** Whether messages reach the server. */
  setSignaling(up: boolean): void {
    const regained = up && !this.#signaling;
    this.#signaling = up;
    this.#mending.setSignaling(up);
    if (regained) {
      // What cost the WebSocket may have cost the media path as well, and a restart costs next to nothing.
      this.revive();
    }
  }

  /** The network is another: the old path may be dead, and nobody has noticed yet. */
  revive(): void {
    if (this.#connection !== null && this.#mending.connected && this.#signaling) {
      this.#connection.restart();
    }
  }

  /** Makes another connection at once, as the person asked for it. */
  retry(): void {
    if (this.#connection !== null) {
      this.#mending.forgive();
      this.#open();
    }
  }

  /** What the page shows, in order of importance. */
  show(seen: readonly Visible[]): void {
    this.#view.show(seen);
    this.#shown = seen.length;
    this.#connection?.setPool(this.#pool());
  }

  setHidden(hidden: boolean): void {
    this.#view.setHidden(hidden);
  }

  reaches(participant: ParticipantId): boolean {
    return this.#reached.has(participant);
  }

  /** The voices that arrive. */
  sounds(): ReadonlyMap<ParticipantId, MediaStreamTrack> {
    return this.#mending.connected ? this.#arrivals.sounds() : new Map<ParticipantId, MediaStreamTrack>();
  }

  close(): void {
    this.#view.close();
    this.#drop();
  }

  #note(member: Member): void {
    const { id } = member;
    if (this.#self !== null && id !== this.#self.id && reachOf(this.#self, member, this.#slotsMax !== null) === "server") {
      this.#reached.add(id);
    } else {
      this.#reached.delete(id);
    }
  }

  /** Brings the connection up when it is needed, and down a while after it no longer is. */
  #need(): void {
    this.#cancelClose?.();
    this.#cancelClose = null;
    if (this.#slotsMax === null) {
      return;
    }
    if (this.#options.forced || this.#reached.size > 0) {
      if (this.#connection === null) {
        this.#open();
      } else {
        this.#tellState();
      }
    } else if (this.#connection !== null) {
      this.#cancelClose = this.#world.after(UNNEEDED_MS, () => {
        this.#events.send({ type: "sfu_close" });
        this.#drop();
      });
    }
  }

  #pool(): number {
    return poolFor(this.#shown, this.#connection?.pool ?? 0, this.#slotsMax ?? 0);
  }

  #open(): void {
    const fresh = this.#connection === null;
    this.#connection?.close();
    this.#revision += 1;
    this.#slots = [];
    this.#assign();
    const revision = this.#revision;
    const isCurrent = () => revision === this.#revision && this.#connection !== null;
    const peer = this.#world.connect({ bundlePolicy: "max-bundle" });
    const connection = new SfuConnection(peer, this.#options.codec, this.#tracks, this.#pool(), {
      offer: (sdp, sends) => {
        this.#events.send({ type: "sfu_offer", revision, sdp, sends });
      },
      negotiated: () => {
        if (isCurrent()) {
          this.#assign();
        }
      },
      changed: (state) => {
        if (isCurrent()) {
          this.#handleState(state);
        }
      },
      stumbled: (error) => {
        if (isCurrent()) {
          console.debug("sfu", error);
          this.#lose();
        }
      },
      bus: (frame) => {
        this.#events.bus(frame);
      },
    });
    this.#connection = connection;
    this.#mending.begin();
    this.#tellState();
    this.#planStats();
    if (fresh) {
      this.#view.repeat();
    }
  }

  #drop(): void {
    this.#cancelStats?.();
    this.#cancelClose?.();
    this.#cancelStats = this.#cancelClose = null;
    this.#connection?.close();
    this.#connection = null;
    this.#mending.end();
    this.#slots = [];
    this.#assign();
  }

  #assign(): void {
    const connection = this.#connection;
    const reached = this.#slots.filter(({ participant }) => this.#reached.has(participant));
    this.#arrivals.assign(connection === null ? [] : reached, (mid) => connection?.trackOf(mid) ?? null);
    this.#planStats();
  }

  #handleState(state: RTCPeerConnectionState): void {
    switch (state) {
      case "connected":
        this.#mending.handleConnected();
        this.#planStats();
        break;
      case "disconnected":
      case "failed":
        this.#mending.handleDisturbed();
        break;
      case "new":
      case "connecting":
      case "closed":
        break;
    }
    this.#tellState();
  }

  #handleServerState(state: SfuState): void {
    if (state !== "connected") {
      this.#lose();
    }
  }

  #lose(): void {
    this.#mending.handleLost();
    this.#tellState();
  }

  #tellState(): void {
    const { rttMs } = this.#stats;
    const state = this.#mending.standing;
    for (const participant of this.#reached) {
      this.#events.status(participant, state === "connected" ? { state, path: "server", rttMs } : { state, rttMs: null });
    }
  }

  #planStats(): void {
    this.#cancelStats?.();
    this.#cancelStats = null;
    if (this.#connection !== null) {
      const closely = this.#mending.connected && this.#arrivals.isAwaiting(this.#world.nowMs());
      this.#cancelStats = this.#world.after(closely ? STATS_CLOSELY_MS : STATS_INTERVAL_MS, () => {
        void this.#readStats(closely).then(() => {
          this.#planStats();
        });
      });
    }
  }

  async #readStats(closely: boolean): Promise<void> {
    const connection = this.#connection;
    const report = await connection?.getStats().catch(() => null);
    if (report === null || report === undefined || connection !== this.#connection) {
      return;
    }
    const stats = interpretSfuStats(entriesOf(report), this.#stats.slots);
    this.#arrivals.watch(stats.slots, this.#world.nowMs());
    // The figures are of two seconds each.
    if (!closely) {
      this.#stats = stats;
      this.#tellState();
      this.#tellFigures();
    }
  }

  #tellFigures(): void {
    for (const participant of this.#reached) {
      const figures = this.#stats.slots.get(this.#arrivals.midOf(participant) ?? "")?.figures ?? null;
      this.#events.status(participant, { figures });
    }
  }
}
