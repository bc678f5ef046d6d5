// Owns the offers, answers and candidates of one peer connection: perfect negotiation (W3C WebRTC section 10.7), one step at
// a time.

import { assertNever } from "../assert";
import type { Candidate, Description, Signal } from "../protocol/types";

/** Candidates kept until the description that they belong to; more are dropped, since no honest peer has so many. */
const EARLY_CANDIDATES_MAX = 256;

export interface NegotiationEvents {
  send(signal: Signal): void;
  /** An offer was taken: the last moment to attach what the answer shall send. */
  answering(): void;
  /** An offer of either side has been answered. */
  negotiated(): void;
  /** Both ends made the first offer, and this one gives way: it has to take the offer on a new peer connection. */
  superseded(offer: Description): void;
  /** A step failed in a way that this peer connection will not get over. */
  stumbled(error: unknown): void;
}

export class Negotiation {
  readonly #connection: RTCPeerConnection;
  readonly #polite: boolean;
  readonly #events: NegotiationEvents;
  #steps: Promise<void> = Promise.resolve();
  #early: RTCIceCandidateInit[] = [];

  constructor(connection: RTCPeerConnection, polite: boolean, events: NegotiationEvents) {
    this.#connection = connection;
    this.#polite = polite;
    this.#events = events;
    connection.onnegotiationneeded = () => {
      this.#queue(() => this.#offer());
    };
    connection.onicecandidate = ({ candidate }) => {
      this.#tell(candidate);
    };
  }

  handle(signal: Signal): void {
    switch (signal.kind) {
      case "description":
        this.#queue(() => this.#handleDescription(signal.description));
        return;
      case "candidate":
        this.#queue(() => this.#handleCandidate(candidateInit(signal.candidate)));
        return;
      case "end_of_candidates":
        this.#queue(() => this.#handleCandidate(endOfCandidates(signal.usernameFragment)));
        return;
      default:
        assertNever(signal);
    }
  }

  /** Steps wait for each other, so that a state seen at the start of one holds until its first await. */
  #queue(step: () => Promise<void>): void {
    this.#steps = this.#steps
      .then(() => (this.#connection.signalingState === "closed" ? undefined : step()))
      .catch((error: unknown) => {
        this.#events.stumbled(error);
      });
  }

  async #offer(): Promise<void> {
    // In any other state the browser asks again as soon as the state is stable.
    if (this.#connection.signalingState === "stable") {
      await this.#describe();
    }
  }

  async #describe(): Promise<void> {
    await this.#connection.setLocalDescription();
    const local = this.#connection.localDescription;
    if (local !== null) {
      this.#events.send({ kind: "description", description: { type: local.type, sdp: local.sdp } });
    }
  }

  async #handleDescription(description: Description): Promise<void> {
    const connection = this.#connection;
    const collides = description.type === "offer" && connection.signalingState !== "stable";
    if (collides && !this.#polite) {
      return;
    }
    if (collides && connection.remoteDescription === null) {
      // The sections of this first offer would stand beside those of the other one, not in their place.
      this.#events.superseded(description);
      return;
    }
    // An offer is answered in the same step, so there is never one left to take back.
    const stale = description.type !== "offer" && connection.signalingState === "stable";
    if (stale || description.type === "rollback") {
      return;
    }
    await connection.setRemoteDescription(description);
    const early = this.#early;
    this.#early = [];
    for (const candidate of early) {
      await this.#handleCandidate(candidate);
    }
    if (description.type === "offer") {
      this.#events.answering();
      await this.#describe();
    }
    if (description.type === "offer" || description.type === "answer") {
      this.#events.negotiated();
    }
  }

  async #handleCandidate(candidate: RTCIceCandidateInit): Promise<void> {
    if (this.#connection.remoteDescription === null) {
      if (this.#early.length < EARLY_CANDIDATES_MAX) {
        this.#early.push(candidate);
      }
      return;
    }
    try {
      await this.#connection.addIceCandidate(candidate);
    } catch {
      // It belongs to an offer that was not taken, or to a generation that is over; others will do.
    }
  }

  #tell(candidate: RTCIceCandidate | null): void {
    if (candidate === null) {
      const usernameFragment = ufragOf(this.#connection.localDescription?.sdp ?? "");
      this.#events.send({ kind: "end_of_candidates", ...(usernameFragment === null ? {} : { usernameFragment }) });
    } else if (candidate.candidate !== "") {
      this.#events.send({ kind: "candidate", candidate: candidateOf(candidate) });
    }
  }
}

function candidateOf(candidate: RTCIceCandidate): Candidate {
  const { sdpMid, sdpMLineIndex, usernameFragment } = candidate;
  return {
    candidate: candidate.candidate,
    ...(sdpMid === null ? {} : { sdpMid }),
    ...(sdpMLineIndex === null ? {} : { sdpMLineIndex }),
    ...(usernameFragment === null ? {} : { usernameFragment }),
  };
}

function candidateInit(candidate: Candidate): RTCIceCandidateInit {
  const { sdpMid, sdpMLineIndex } = candidate;
  // A candidate has to name its section; all of ours are bundled into the first.
  return sdpMid === undefined && sdpMLineIndex === undefined ? { ...candidate, sdpMLineIndex: 0 } : { ...candidate };
}

function endOfCandidates(usernameFragment: string | undefined): RTCIceCandidateInit {
  return { candidate: "", sdpMLineIndex: 0, ...(usernameFragment === undefined ? {} : { usernameFragment }) };
}

function ufragOf(sdp: string): string | null {
  return /^a=ice-ufrag:(\S+)/m.exec(sdp)?.[1] ?? null;
}
