// Owns what is done about a link that does not work, and when: a pure rule, so that both ends can be tested together.

/** How long a link may be in trouble, with the server reachable, before the person is told that it cannot be made. */
export const GIVE_UP_MS = 20_000;
const RESTARTS_MAX = 3;
/** A break this short mostly mends itself. */
const DISCONNECTED_MS = 3000;
const RESTART_AGAIN_MS = 5000;
/** An offer that has no answer yet, or an answer that leads to no connection. */
const UNANSWERED_MS = 6000;
const UNCONNECTED_MS = 10_000;
/** The end with the greater id leaves the first move to the other. */
const SECOND_MOVER_MS = 4000;
const SLOW_FIRST_MS = 30_000;
const SLOW_LONGEST_MS = 300_000;

/** A link in trouble. All times are of one clock. */
export interface Trouble {
  readonly sinceMs: number;
  /** When the last repair was tried, null for none. */
  readonly repairedMs: number | null;
  readonly repairs: number;
  readonly connection: "new" | "connecting" | "disconnected" | "failed";
  /** An offer has been answered on this peer connection. */
  readonly negotiated: boolean;
  /** This peer connection was connected before. */
  readonly connectedBefore: boolean;
  /** This end has the smaller id. */
  readonly firstMover: boolean;
}

/**
 * What to do at last at `atMs`. `restart`: a new ICE generation (RFC 8445 section 9). `anew`: another peer connection.
 * `give-up`: tell the person, try again slowly.
 */
export interface Repair {
  readonly action: "restart" | "anew" | "give-up";
  readonly atMs: number;
}

export function chooseRepair(trouble: Trouble): Repair {
  const giveUpMs = trouble.sinceMs + GIVE_UP_MS;
  const patienceMs = patience(trouble) + (trouble.firstMover ? 0 : SECOND_MOVER_MS);
  const atMs = (trouble.repairedMs ?? trouble.sinceMs) + patienceMs;
  if (trouble.repairs >= RESTARTS_MAX || atMs >= giveUpMs) {
    return { action: "give-up", atMs: Math.min(atMs, giveUpMs) };
  }
  return { action: trouble.connectedBefore ? "restart" : "anew", atMs };
}

/** How long to wait since the trouble began or the last repair was tried. */
function patience(trouble: Trouble): number {
  if (trouble.connectedBefore) {
    if (trouble.repairedMs !== null) {
      return RESTART_AGAIN_MS;
    }
    return trouble.connection === "failed" ? 0 : DISCONNECTED_MS;
  }
  if (!trouble.negotiated) {
    return UNANSWERED_MS;
  }
  return trouble.connection === "failed" ? 0 : UNCONNECTED_MS;
}

/** The pause before a link that was given up is tried again: 30 s, doubling to 5 min. */
export function slowRetryMs(tries: number): number {
  return Math.min(SLOW_LONGEST_MS, SLOW_FIRST_MS * 2 ** tries);
}
