// Owns the links of a meeting: one for each member that can be called directly.

import type { IceServer, Member, ParticipantId, RoomPolicy, Signal, Welcome } from "../protocol/types";
import { reachOf } from "../room/reach";
import { PeerLink, type LinkEvents, type LinkSettings, type LinkWorld } from "./link";
import { NO_TRACKS, SLOTS, type Tracks } from "./slots";

const STATS_INTERVAL_MS = 2000;

/** A page that is turned soon turned back costs no negotiation. */
const OUT_OF_SIGHT_MS = 3000;

export class Links {
  readonly #world: LinkWorld;
  readonly #events: LinkEvents;
  readonly #links = new Map<ParticipantId, PeerLink>();
  readonly #epochs = new Map<ParticipantId, number>();
  #self: Member | null = null;
  #configuration: RTCConfiguration = {};
  #tracks: Tracks = NO_TRACKS;
  #signaling = false;
  #cancelStats: (() => void) | null = null;
  #outOfSight: ReadonlySet<ParticipantId> = new Set();
  #cancelOutOfSight: (() => void) | null = null;

  constructor(world: LinkWorld, events: LinkEvents) {
    this.#world = world;
    this.#events = events;
  }

  /** Everything anew: this page is the newcomer and offers to everybody. */
  welcome({ self, roster, ice, policy }: Welcome): void {
    this.#closeAll();
    this.#self = self;
    this.#configuration = configurationOf(ice.ice_servers, policy);
    this.#signaling = true;
    for (const member of roster.members) {
      this.#open(member, true);
    }
    this.#share();
    this.#cancelStats ??= this.#planStats();
  }

  /** A newcomer: its offer is on the way. */
  joined(member: Member): void {
    this.#open(member, false);
    this.#share();
  }

  changed(member: Member): void {
    const epoch = this.#epochs.get(member.id);
    const isOther = member.id !== this.#self?.id;
    if (isOther && (epoch !== member.epoch || this.#isDirect(member) !== this.#links.has(member.id))) {
      this.left(member.id);
      this.joined(member);
    }
  }

  left(participant: ParticipantId): void {
    this.#links.get(participant)?.close();
    this.#links.delete(participant);
    this.#epochs.delete(participant);
    this.#share();
  }

  signal(from: ParticipantId, revision: number, signal: Signal): void {
    this.#links.get(from)?.handleSignal(revision, signal);
  }

  iceServers(servers: readonly IceServer[]): void {
    this.#configuration = { ...this.#configuration, iceServers: copyOf(servers) };
    for (const link of this.#links.values()) {
      link.reconfigure();
    }
  }

  setTracks(tracks: Tracks): void {
    if (SLOTS.some((slot) => tracks[slot] !== this.#tracks[slot])) {
      this.#tracks = tracks;
      for (const link of this.#links.values()) {
        run(link.sendTracks());
      }
    }
  }

  /** Whether signals reach the server. */
  setSignaling(up: boolean): void {
    this.#signaling = up;
    if (up) {
      this.revive();
    }
  }

  /** The network may be another: gives what is broken a fresh chance. */
  revive(): void {
    for (const link of this.#links.values()) {
      link.revive();
    }
  }

  /** Whose cameras nobody sees at the moment: after a while they are asked not to send. The others are asked to at once. */
  setOutOfSight(participants: ReadonlySet<ParticipantId>): void {
    this.#outOfSight = participants;
    for (const [participant, link] of this.#links) {
      if (!participants.has(participant)) {
        link.wantCamera(true);
      }
    }
    this.#cancelOutOfSight?.();
    this.#cancelOutOfSight = this.#world.after(OUT_OF_SIGHT_MS, () => {
      for (const participant of this.#outOfSight) {
        this.#links.get(participant)?.wantCamera(false);
      }
    });
  }

  retry(participant: ParticipantId): void {
    this.#links.get(participant)?.retry();
  }

  /** The microphones that arrive, for their loudness. */
  sounds(): ReadonlyMap<ParticipantId, MediaStreamTrack> {
    const sounds = new Map<ParticipantId, MediaStreamTrack>();
    for (const [participant, { sound }] of this.#links) {
      if (sound !== null) {
        sounds.set(participant, sound);
      }
    }
    return sounds;
  }

  close(): void {
    this.#cancelStats?.();
    this.#cancelOutOfSight?.();
    this.#closeAll();
  }

  #open(member: Member, offers: boolean): void {
    this.#links.get(member.id)?.close();
    this.#links.delete(member.id);
    this.#epochs.set(member.id, member.epoch);
    if (this.#self !== null && this.#isDirect(member)) {
      const polite = this.#self.id < member.id;
      this.#links.set(member.id, new PeerLink(member.id, polite, offers, this.#world, () => this.#settings(), this.#events));
    }
  }

  #isDirect(member: Member): boolean {
    return this.#self !== null && reachOf(this.#self, member, false) === "direct";
  }

  #settings(): LinkSettings {
    return {
      configuration: this.#configuration,
      tracks: this.#tracks,
      links: this.#links.size,
      signaling: this.#signaling,
    };
  }

  /** Another number of links: another share of the uplink for each. */
  #share(): void {
    for (const link of this.#links.values()) {
      run(link.limitSenders());
    }
  }

  #planStats(): () => void {
    return this.#world.after(STATS_INTERVAL_MS, () => {
      for (const link of this.#links.values()) {
        run(link.readStats());
      }
      this.#cancelStats = this.#planStats();
    });
  }

  #closeAll(): void {
    for (const link of this.#links.values()) {
      link.close();
    }
    this.#links.clear();
    this.#epochs.clear();
  }
}

function configurationOf(servers: readonly IceServer[], policy: RoomPolicy): RTCConfiguration {
  return {
    iceServers: copyOf(servers),
    iceTransportPolicy: policy.media === "relay-only" ? "relay" : "all",
    bundlePolicy: "max-bundle",
  };
}

function copyOf(servers: readonly IceServer[]): RTCIceServer[] {
  return servers.map((server) => ({ ...server, urls: [...server.urls] }));
}

/** A link that was closed meanwhile refuses; nothing is lost by that. */
function run(work: Promise<void>): void {
  work.catch((error: unknown) => {
    console.debug("links", error);
  });
}
