// Owns what is read from a peer connection's statistics: the path, the round trip, whether the camera's frames come in.

import type { Path } from "../room/state";

export interface LinkStats {
  readonly path: Path | null;
  readonly rttMs: number | null;
  /** This end's candidate is a TURN allocation: it ends with its credentials. */
  readonly relayedHere: boolean;
  /** Video frames received so far in the camera's section, null when unknown. */
  readonly cameraFrames: number | null;
}

type Entry = Readonly<Record<string, unknown>>;

export async function readStats(connection: RTCPeerConnection, cameraMid: string | null): Promise<LinkStats> {
  const entries = new Map<string, Entry>();
  (await connection.getStats()).forEach((entry: Entry, id: string) => entries.set(id, entry));
  return interpretStats(entries, cameraMid);
}

export function interpretStats(entries: ReadonlyMap<string, Entry>, cameraMid: string | null): LinkStats {
  const all = [...entries.values()];
  const camera = all.find((entry) => entry["type"] === "inbound-rtp" && entry["kind"] === "video" && entry["mid"] === cameraMid);
  const cameraFrames = camera === undefined ? null : numberOf(camera["framesReceived"] ?? camera["framesDecoded"]);
  const pair = selectedPair(entries, all);
  if (pair === undefined) {
    return { path: null, rttMs: null, relayedHere: false, cameraFrames };
  }
  const relayed = (end: string) => entries.get(String(pair[end]))?.["candidateType"] === "relay";
  const rtt = numberOf(pair["currentRoundTripTime"]);
  const relayedHere = relayed("localCandidateId");
  return {
    path: relayedHere || relayed("remoteCandidateId") ? "relayed" : "direct",
    rttMs: rtt === null ? null : Math.round(rtt * 1000),
    relayedHere,
    cameraFrames,
  };
}

/** Firefox has no selectedCandidatePairId; it marks the pair itself. */
function selectedPair(entries: ReadonlyMap<string, Entry>, all: readonly Entry[]): Entry | undefined {
  const transport = all.find((entry) => entry["type"] === "transport" && entry["selectedCandidatePairId"] !== undefined);
  if (transport !== undefined) {
    return entries.get(String(transport["selectedCandidatePairId"]));
  }
  return all.find((entry) => entry["type"] === "candidate-pair" && entry["selected"] === true);
}

function numberOf(value: unknown): number | null {
  return typeof value === "number" ? value : null;
}
