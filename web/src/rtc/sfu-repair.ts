// Owns what is done about a connection to the SFU that does not work, and when: a pure rule.

import { backoffMs } from "../signaling/backoff";

/** How long the server may be out of reach for media before the person is told so. */
export const SFU_GIVE_UP_MS = 20_000;
/** ICE restarts on one peer connection before another one is made. */
const RESTARTS_MAX = 2;
/** A restart costs one message each way, and the old path goes on meanwhile: there is little to wait for. */
const DISCONNECTED_MS = 300;
const RESTART_AGAIN_MS = 4000;
/** An offer that leads to no connection. */
const UNCONNECTED_MS = 10_000;

/** A connection in trouble. All times are of one clock. */
export interface SfuTrouble {
  /** When the last offer for its repair, or the first one, was made; null when that is not so since the trouble began. */
  readonly triedMs: number | null;
  /** When the trouble began. */
  readonly sinceMs: number;
  /** `lost`: the server says so, or refuses the offer: nothing can come of this peer connection. */
  readonly connection: "connecting" | "disconnected" | "failed" | "lost";
  /** This peer connection was connected before. */
  readonly connectedBefore: boolean;
  /** ICE restarts since it was. */
  readonly restarts: number;
  /** Peer connections made in vain since the last one that connected. */
  readonly vain: number;
  /** 0 to 1. */
  readonly random: number;
}

export interface SfuRepair {
  readonly action: "restart" | "anew";
  readonly atMs: number;
}

export function chooseSfuRepair(trouble: SfuTrouble): SfuRepair {
  const { triedMs, sinceMs, connection, connectedBefore, restarts, vain, random } = trouble;
  const fromMs = triedMs ?? sinceMs;
  if (connection === "lost" || (connection === "failed" && !connectedBefore)) {
    return { action: "anew", atMs: vain === 0 ? sinceMs : fromMs + backoffMs(vain, random) };
  }
  if (!connectedBefore) {
    return { action: "anew", atMs: fromMs + UNCONNECTED_MS };
  }
  if (triedMs !== null) {
    return { action: restarts < RESTARTS_MAX ? "restart" : "anew", atMs: triedMs + RESTART_AGAIN_MS };
  }
  return { action: "restart", atMs: sinceMs + (connection === "disconnected" ? DISCONNECTED_MS : 0) };
}
