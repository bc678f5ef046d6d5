// Owns the link to one member: its peer connection, what runs over it, and its repair. A revision is one peer connection.

import type { Description, ParticipantId, Signal } from "../protocol/types";
import type { Received } from "../room/reducer";
import type { Link as LinkState } from "../room/state";
import { sendingFor, type Sending } from "./bitrate";
import type { Counted } from "./figures";
import { Negotiation } from "./negotiation";
import { chooseRepair, slowRetryMs } from "./repair";
import { kindOf, SLOTS, slotsOf, type Slot, type Tracks } from "./slots";
import { readStats } from "./stats";

/** Intervals of statistics without a new frame after which the camera counts as not live. */
const FROZEN_READINGS = 2;

/** The time and the peer connections of a browser. */
export interface LinkWorld {
  connect(configuration: RTCConfiguration): RTCPeerConnection;
  nowMs(): number;
  after(delayMs: number, task: () => void): () => void;
}

export interface LinkEvents {
  send(to: ParticipantId, revision: number, signal: Signal): void;
  status(participant: ParticipantId, link: Partial<LinkState>): void;
  received(participant: ParticipantId, received: Partial<Received>): void;
}

/** What all links of a meeting share; read whenever it is needed, so that a change reaches the next use. */
export interface LinkSettings {
  readonly configuration: RTCConfiguration;
  readonly tracks: Tracks;
  /** How many links share the uplink. */
  readonly links: number;
  /** Whether signals reach the server at the moment. */
  readonly signaling: boolean;
}

export class PeerLink {
  readonly #peer: ParticipantId;
  /** This end has the smaller id: polite in negotiation, first to repair. */
  readonly #polite: boolean;
  readonly #world: LinkWorld;
  readonly #settings: () => LinkSettings;
  readonly #events: LinkEvents;
  /** For lip-sync: what belongs together is sent under one stream. */
  readonly #sent = { camera: new MediaStream(), screen: new MediaStream() };
  #revision = 0;
  #connection: RTCPeerConnection;
  #negotiation: Negotiation;
  #negotiated = false;
  #stumbled = false;
  #connectedOnce = false;
  #connectedHere = false;
  #troubleSinceMs: number | null;
  #repairedMs: number | null = null;
  #repairs = 0;
  #slowRetries = 0;
  #cancelRepair: (() => void) | null = null;
  #relayedHere = false;
  #frames: number | null = null;
  #counted: Counted | null = null;
  #frozenReadings = 0;
  #wantsCamera = true;
  /** Which tracks were told last, so that the streams stay the same objects while their tracks do. */
  #shown: { readonly connection: RTCPeerConnection; readonly count: number } | null = null;
  #limiting: Promise<void> = Promise.resolve();
  #closed = false;

  /** `offers`: this page is the newcomer and makes the first offer. */
  constructor(
    peer: ParticipantId,
    polite: boolean,
    offers: boolean,
    world: LinkWorld,
    settings: () => LinkSettings,
    events: LinkEvents,
  ) {
    this.#peer = peer;
    this.#polite = polite;
    this.#world = world;
    this.#settings = settings;
    this.#events = events;
    this.#troubleSinceMs = world.nowMs();
    this.#connection = world.connect(settings().configuration);
    this.#negotiation = this.#negotiate();
    if (offers) {
      this.#layOut();
    }
    this.#planRepair();
  }

  handleSignal(revision: number, signal: Signal): void {
    if (revision < this.#revision) {
      return;
    }
    if (revision > this.#revision) {
      // A new start begins with an offer; anything else is left over from another life of the pair.
      if (signal.kind !== "description" || signal.description.type !== "offer") {
        return;
      }
      this.#reconnect(revision);
    }
    if (signal.kind === "description" && signal.description.type === "offer" && this.#troubleSinceMs !== null) {
      // The other end repairs: give that its time before doing the same.
      this.#repairedMs = this.#world.nowMs();
      this.#planRepair();
    }
    this.#negotiation.handle(signal);
  }

  /** Sends the tracks of the settings, without renegotiation where a section is there. */
  async sendTracks(): Promise<void> {
    const connection = this.#connection;
    const { tracks } = this.#settings();
    if (this.#negotiated) {
      this.#addSections(tracks);
    }
    for (const [slot, transceiver] of slotsOf(connection)) {
      if (transceiver.sender.track !== tracks[slot] && connection.signalingState !== "closed") {
        await transceiver.sender.replaceTrack(tracks[slot]);
      }
    }
  }

  /** Whether the other end's camera is to come. It stops sending when it has taken the offer that follows from a change. */
  wantCamera(wanted: boolean): void {
    this.#wantsCamera = wanted;
    const camera = slotsOf(this.#connection).get("camera");
    // Before the first negotiation the section is laid out, or answered, as it is wanted then.
    if (this.#negotiated && camera !== undefined && camera.direction !== this.#directionOf("camera")) {
      camera.direction = this.#directionOf("camera");
    }
  }

  /** Holds the senders to the share of the uplink that they may use. */
  limitSenders(): Promise<void> {
    // One at a time: a sender refuses parameters that were read before others were set.
    this.#limiting = this.#limiting.then(() => this.#limitSenders());
    return this.#limiting;
  }

  /** Takes new ICE servers; a path over an allocation of the old credentials is made again over one of the new. */
  reconfigure(): void {
    this.#connection.setConfiguration(this.#settings().configuration);
    if (this.#relayedHere) {
      this.#connection.restartIce();
    }
  }

  /** Signals reach the server again, or the network is another: what is broken gets a fresh chance. */
  revive(): void {
    if (this.#troubleSinceMs !== null) {
      this.#forgetRepairs();
      this.#tellState();
      this.#planRepair();
    }
  }

  /** Makes a new peer connection at once, as the person asked for it. */
  retry(): void {
    this.#forgetRepairs();
    this.#anew();
  }

  /** The microphone of the other end as it arrives, for its loudness; null before the link is made. */
  get sound(): MediaStreamTrack | null {
    return this.#connectedHere ? (slotsOf(this.#connection).get("microphone")?.receiver.track ?? null) : null;
  }

  async readStats(): Promise<void> {
    const connection = this.#connection;
    const mid = slotsOf(connection).get("camera")?.mid ?? null;
    const { path, rttMs, relayedHere, cameraFrames, figures, counted } = await readStats(connection, mid, this.#counted);
    if (this.#closed || connection !== this.#connection) {
      return;
    }
    this.#relayedHere = relayedHere;
    this.#counted = counted;
    if (this.#connectedHere) {
      this.#events.status(this.#peer, { path, rttMs, figures });
    }
    this.#watchFrames(cameraFrames);
  }

  close(): void {
    this.#closed = true;
    this.#cancelRepair?.();
    this.#drop();
  }

  #negotiate(): Negotiation {
    const connection = this.#connection;
    const revision = this.#revision;
    connection.onconnectionstatechange = () => {
      this.#handleState(connection.connectionState);
    };
    return new Negotiation(connection, this.#polite, {
      send: (signal) => {
        this.#events.send(this.#peer, revision, signal);
      },
      answering: () => {
        this.#attachToAnswer();
      },
      negotiated: () => {
        this.#handleNegotiated();
      },
      superseded: (offer) => {
        this.#superseded(offer);
      },
      stumbled: (error) => {
        this.#handleStumble(connection, error);
      },
    });
  }

  /** The four sections of a first offer, in their order. */
  #layOut(): void {
    for (const slot of SLOTS) {
      this.#addSection(slot);
    }
    this.#run(this.sendTracks());
  }

  #addSection(slot: Slot): void {
    const init: RTCRtpTransceiverInit = { direction: this.#directionOf(slot), streams: [this.#streamOf(slot)] };
    const track = this.#settings().tracks[slot];
    this.#connection.addTransceiver(track ?? kindOf(slot), init);
  }

  /** Another client may have offered fewer sections than this page now needs. */
  #addSections(tracks: Tracks): void {
    const found = slotsOf(this.#connection);
    for (const kind of ["audio", "video"] as const) {
      const slots = SLOTS.filter((slot) => kindOf(slot) === kind);
      const needed = slots.findLastIndex((slot) => tracks[slot] !== null);
      for (const slot of slots.slice(0, needed + 1)) {
        if (!found.has(slot)) {
          this.#addSection(slot);
        }
      }
    }
  }

  #directionOf(slot: Slot): RTCRtpTransceiverDirection {
    return slot === "camera" && !this.#wantsCamera ? "sendonly" : "sendrecv";
  }

  #streamOf(slot: Slot): MediaStream {
    return slot === "microphone" || slot === "camera" ? this.#sent.camera : this.#sent.screen;
  }

  #attachToAnswer(): void {
    for (const [slot, transceiver] of slotsOf(this.#connection)) {
      const direction = this.#directionOf(slot);
      if (transceiver.direction !== direction) {
        transceiver.direction = direction;
        transceiver.sender.setStreams(this.#streamOf(slot));
      }
    }
    this.#run(this.sendTracks());
  }

  async #limitSenders(): Promise<void> {
    const connection = this.#connection;
    for (const [slot, transceiver] of slotsOf(connection)) {
      const sending = sendingFor(slot, this.#settings().links);
      // Between an offer and its answer the parameters are in the browser's hands.
      if (sending !== null && this.#negotiated && connection.signalingState === "stable") {
        await limit(transceiver.sender, sending);
      }
    }
  }

  #handleNegotiated(): void {
    const first = !this.#negotiated;
    this.#negotiated = true;
    this.#run(this.limitSenders());
    this.#run(this.sendTracks());
    this.wantCamera(this.#wantsCamera);
    if (first) {
      this.#watchCamera();
      this.#planRepair();
    }
    this.#tellReceived();
  }

  #superseded(offer: Description): void {
    this.#reconnect(this.#revision);
    this.#negotiation.handle({ kind: "description", description: offer });
  }

  #handleStumble(connection: RTCPeerConnection, error: unknown): void {
    if (connection === this.#connection && !this.#closed) {
      console.debug("link", this.#peer, "stumbled", error);
      this.#stumbled = true;
      this.#troubleSinceMs ??= this.#world.nowMs();
      this.#planRepair();
    }
  }

  #handleState(state: RTCPeerConnectionState): void {
    switch (state) {
      case "connected":
        this.#connectedOnce = true;
        this.#connectedHere = true;
        this.#troubleSinceMs = null;
        this.#slowRetries = 0;
        this.#forgetRepairs();
        this.#cancelRepair?.();
        this.#tellReceived();
        this.#run(this.readStats());
        break;
      case "disconnected":
      case "failed":
        this.#troubleSinceMs ??= this.#world.nowMs();
        this.#planRepair();
        break;
      case "new":
      case "connecting":
      case "closed":
        break;
    }
    this.#tellState();
  }

  #tellState(): void {
    const broken = this.#connectedOnce ? "reconnecting" : "connecting";
    const state = this.#troubleSinceMs === null ? "connected" : broken;
    this.#events.status(this.#peer, state === "connected" ? { state } : { state, rttMs: null });
  }

  /** What arrived is shown once the link has been made. */
  #tellReceived(): void {
    if (!this.#connectedHere) {
      return;
    }
    const slots = slotsOf(this.#connection);
    const stream = (...wanted: Slot[]) =>
      new MediaStream(wanted.flatMap((slot) => slots.get(slot)?.receiver.track ?? []));
    const count = slots.size;
    if (this.#shown?.connection === this.#connection && this.#shown.count === count) {
      return;
    }
    this.#shown = { connection: this.#connection, count };
    this.#events.received(this.#peer, {
      camera: stream("microphone", "camera"),
      screen: slots.has("screen") ? stream("screen", "screenSound") : null,
    });
  }

  /** The first packet unmutes the track well before the next reading of the statistics. */
  #watchCamera(): void {
    const track = slotsOf(this.#connection).get("camera")?.receiver.track;
    if (track === undefined) {
      return;
    }
    const tell = () => {
      this.#frozenReadings = 0;
      this.#events.received(this.#peer, { frames: !track.muted });
    };
    track.onunmute = tell;
    track.onmute = tell;
    tell();
  }

  #watchFrames(frames: number | null): void {
    if (frames === null) {
      return;
    }
    const grows = frames > (this.#frames ?? 0);
    this.#frames = frames;
    this.#frozenReadings = grows ? 0 : this.#frozenReadings + 1;
    if (grows || this.#frozenReadings === FROZEN_READINGS) {
      this.#events.received(this.#peer, { frames: grows });
    }
  }

  #forgetRepairs(): void {
    this.#repairs = 0;
    this.#repairedMs = null;
    if (this.#troubleSinceMs !== null) {
      this.#troubleSinceMs = this.#world.nowMs();
    }
  }

  #planRepair(): void {
    this.#cancelRepair?.();
    // Without the server no repair can reach the other end.
    if (this.#closed || this.#troubleSinceMs === null || !this.#settings().signaling) {
      return;
    }
    const repair = chooseRepair({
      sinceMs: this.#troubleSinceMs,
      repairedMs: this.#repairedMs,
      repairs: this.#repairs,
      connection: this.#ailment(),
      negotiated: this.#negotiated,
      connectedBefore: this.#connectedHere && !this.#stumbled,
      firstMover: this.#polite,
    });
    this.#cancelRepair = this.#world.after(Math.max(0, repair.atMs - this.#world.nowMs()), () => {
      this.#repair(repair.action);
    });
  }

  #ailment(): "new" | "connecting" | "disconnected" | "failed" {
    const state = this.#connection.connectionState;
    if (this.#stumbled || state === "failed") {
      return "failed";
    }
    return state === "disconnected" || state === "connecting" ? state : "new";
  }

  #repair(action: "restart" | "anew" | "give-up"): void {
    switch (action) {
      case "give-up":
        this.#giveUp();
        return;
      case "restart":
        this.#repairs += 1;
        this.#repairedMs = this.#world.nowMs();
        this.#connection.restartIce();
        this.#planRepair();
        return;
      case "anew":
        this.#repairs += 1;
        this.#repairedMs = this.#world.nowMs();
        this.#anew();
        return;
    }
  }

  #giveUp(): void {
    this.#events.status(this.#peer, { state: "failed", path: null, rttMs: null });
    const delayMs = slowRetryMs(this.#slowRetries);
    this.#slowRetries += 1;
    this.#cancelRepair = this.#world.after(delayMs, () => {
      // One end is enough; when this one cannot, the other's offer comes.
      if (this.#polite) {
        this.retry();
      }
    });
  }

  #anew(): void {
    this.#reconnect(this.#revision + 1);
    this.#layOut();
    this.#planRepair();
  }

  #reconnect(revision: number): void {
    this.#drop();
    this.#revision = revision;
    this.#negotiated = false;
    this.#stumbled = false;
    this.#connectedHere = false;
    this.#relayedHere = false;
    this.#frames = null;
    this.#counted = null;
    this.#troubleSinceMs ??= this.#world.nowMs();
    this.#connection = this.#world.connect(this.#settings().configuration);
    this.#negotiation = this.#negotiate();
    this.#tellState();
    this.#events.received(this.#peer, { frames: false });
    this.#planRepair();
  }

  #drop(): void {
    const connection = this.#connection;
    connection.onconnectionstatechange = connection.onnegotiationneeded = connection.onicecandidate = null;
    connection.close();
  }

  /** What the browser refuses because the connection was closed meanwhile is no trouble; the rest shows as no media. */
  #run(work: Promise<void>): void {
    work.catch((error: unknown) => {
      if (!this.#closed) {
        console.debug("link", this.#peer, error);
      }
    });
  }
}

async function limit(sender: RTCRtpSender, sending: Sending): Promise<void> {
  const parameters = sender.getParameters();
  const encoding = parameters.encodings[0];
  if (encoding === undefined) {
    return;
  }
  encoding.maxBitrate = sending.maxBitrate;
  if (sending.maxFramerate === null) {
    delete encoding.maxFramerate;
  } else {
    encoding.maxFramerate = sending.maxFramerate;
  }
  parameters.degradationPreference = sending.degradationPreference;
  try {
    await sender.setParameters(parameters);
  } catch (error) {
    // A renegotiation came between; it limits the senders again when it is done.
    console.debug("sender", error);
  }
}
