// Owns what is read from a direct link's statistics: the path, the round trip, the camera's frames and figures.

import type { Figures, Path } from "../room/state";
import { countOf, entriesOf, figuresOf, numberOf, roundTripMs, selectedPair, type Counted, type Entry } from "./figures";

export interface LinkStats {
  readonly path: Path | null;
  readonly rttMs: number | null;
  /** This end's candidate is a TURN allocation: it ends with its credentials. */
  readonly relayedHere: boolean;
  /** Video frames received so far in the camera's section, null when unknown. */
  readonly cameraFrames: number | null;
  readonly figures: Figures | null;
  readonly counted: Counted | null;
}

export async function readStats(connection: RTCPeerConnection, cameraMid: string | null, before: Counted | null): Promise<LinkStats> {
  return interpretStats(entriesOf(await connection.getStats()), cameraMid, before);
}

/** `before`: what the last reading counted. */
export function interpretStats(entries: ReadonlyMap<string, Entry>, cameraMid: string | null, before: Counted | null = null): LinkStats {
  const camera = [...entries.values()].find(
    (entry) => entry["type"] === "inbound-rtp" && entry["kind"] === "video" && entry["mid"] === cameraMid,
  );
  const pair = selectedPair(entries);
  const relayed = (end: string) => pair !== undefined && entries.get(String(pair[end]))?.["candidateType"] === "relay";
  const relayedHere = relayed("localCandidateId");
  const path = relayedHere || relayed("remoteCandidateId") ? "relayed" : "direct";
  return {
    path: pair === undefined ? null : path,
    rttMs: roundTripMs(pair),
    relayedHere,
    cameraFrames: camera === undefined ? null : numberOf(camera["framesReceived"] ?? camera["framesDecoded"]),
    figures: camera === undefined ? null : figuresOf(entries, camera, before),
    counted: camera === undefined ? null : countOf(camera),
  };
}
