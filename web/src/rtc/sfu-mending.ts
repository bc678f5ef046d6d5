// Owns the trouble of the way through the SFU: since when there is none, what has been tried, and what is tried next.

import { chooseSfuRepair, SFU_GIVE_UP_MS, type SfuTrouble } from "./sfu-repair";

export interface MendingWorld {
  nowMs(): number;
  after(delayMs: number, task: () => void): () => void;
  /** 0 to 1. */
  random(): number;
}

/** What can be done about a peer connection, and how it stands. */
export interface Patient {
  /** ICE restart. */
  restart(): void;
  /** Another peer connection. */
  renew(): void;
  state(): RTCPeerConnectionState | null;
}

interface Trouble {
  readonly sinceMs: number;
  triedMs: number | null;
  restarts: number;
  vain: number;
  /** The server gave this peer connection up. */
  lost: boolean;
}

export class SfuMending {
  readonly #world: MendingWorld;
  readonly #patient: Patient;
  #trouble: Trouble | null = null;
  /** This peer connection has been connected. */
  #connectedHere = false;
  /** Some peer connection has been, since the welcome. */
  #connectedOnce = false;
  #signaling = false;
  #cancel: (() => void) | null = null;

  constructor(world: MendingWorld, patient: Patient) {
    this.#world = world;
    this.#patient = patient;
  }

  get connected(): boolean {
    return this.#connectedHere;
  }

  /** As the tiles say it. */
  get standing(): "connecting" | "connected" | "reconnecting" | "failed" {
    if (this.#trouble === null) {
      return "connected";
    }
    if (this.#world.nowMs() - this.#trouble.sinceMs >= SFU_GIVE_UP_MS) {
      return "failed";
    }
    return this.#connectedOnce ? "reconnecting" : "connecting";
  }

  /** Whether the server can be told anything: without it nothing can be mended. */
  setSignaling(up: boolean): void {
    this.#signaling = up;
    this.#plan();
  }

  /** A new peer connection makes its first offer. */
  begin(): void {
    const { sinceMs, vain } = this.#trouble ?? this.#fresh();
    this.#connectedHere = false;
    this.#trouble = { sinceMs, vain, triedMs: this.#world.nowMs(), restarts: 0, lost: false };
    this.#plan();
  }

  handleConnected(): void {
    this.#connectedHere = true;
    this.#connectedOnce = true;
    this.#trouble = null;
    this.#plan();
  }

  /** The path is disturbed or has failed. */
  handleDisturbed(): void {
    this.#trouble ??= this.#fresh();
    this.#plan();
  }

  /** Nothing can come of this peer connection any more. */
  handleLost(): void {
    this.#trouble ??= this.#fresh();
    this.#trouble.lost = true;
    this.#plan();
  }

  /** What failed before shall not slow down what comes now. */
  forgive(): void {
    this.#trouble = null;
    this.#plan();
  }

  /** There is no peer connection any more, and none was there for all that is known. */
  end(): void {
    this.#connectedHere = this.#connectedOnce = false;
    this.forgive();
  }

  #fresh(): Trouble {
    return { sinceMs: this.#world.nowMs(), triedMs: null, restarts: 0, vain: 0, lost: false };
  }

  #plan(): void {
    this.#cancel?.();
    this.#cancel = null;
    const trouble = this.#trouble;
    if (trouble === null || !this.#signaling) {
      return;
    }
    const { action, atMs } = chooseSfuRepair({
      ...trouble,
      connection: this.#ailment(trouble),
      connectedBefore: this.#connectedHere,
      random: this.#world.random(),
    });
    this.#cancel = this.#world.after(Math.max(0, atMs - this.#world.nowMs()), () => {
      trouble.triedMs = this.#world.nowMs();
      if (action === "anew") {
        trouble.vain += 1;
        this.#patient.renew();
      } else {
        trouble.restarts += 1;
        this.#patient.restart();
        this.#plan();
      }
    });
  }

  #ailment({ lost }: Trouble): SfuTrouble["connection"] {
    const state = this.#patient.state();
    if (lost) {
      return "lost";
    }
    return state === "failed" || state === "disconnected" ? state : "connecting";
  }
}
