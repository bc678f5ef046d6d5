// Owns the figures about a picture that arrives, read from a peer connection's statistics.

import type { Figures } from "../room/state";

export type Entry = Readonly<Record<string, unknown>>;

/** What has been received and lost so far. */
export interface Counted {
  readonly received: number;
  readonly lost: number;
}

export function numberOf(value: unknown): number | null {
  return typeof value === "number" ? value : null;
}

export function countOf(inbound: Entry): Counted {
  return { received: numberOf(inbound["packetsReceived"]) ?? 0, lost: Math.max(0, numberOf(inbound["packetsLost"]) ?? 0) };
}

/** `before`: the counts of the reading before; the loss is the one since. */
export function figuresOf(entries: ReadonlyMap<string, Entry>, inbound: Entry, before: Counted | null): Figures {
  const mime = entries.get(String(inbound["codecId"]))?.["mimeType"];
  return {
    codec: typeof mime === "string" ? (mime.split("/")[1] ?? null) : null,
    width: numberOf(inbound["frameWidth"]) ?? 0,
    height: numberOf(inbound["frameHeight"]) ?? 0,
    loss: lossSince(countOf(inbound), before),
  };
}

/** From 0 to 1; null when nothing came that could have been lost. */
function lossSince(now: Counted, before: Counted | null): number | null {
  const lost = Math.max(0, now.lost - (before?.lost ?? 0));
  const all = lost + Math.max(0, now.received - (before?.received ?? 0));
  return all === 0 ? null : lost / all;
}

/** The selected candidate pair. Firefox has no selectedCandidatePairId; it marks the pair itself. */
export function selectedPair(entries: ReadonlyMap<string, Entry>): Entry | undefined {
  const all = [...entries.values()];
  const transport = all.find((entry) => entry["type"] === "transport" && entry["selectedCandidatePairId"] !== undefined);
  if (transport !== undefined) {
    return entries.get(String(transport["selectedCandidatePairId"]));
  }
  return all.find((entry) => entry["type"] === "candidate-pair" && entry["selected"] === true);
}

export function roundTripMs(pair: Entry | undefined): number | null {
  const rtt = pair === undefined ? null : numberOf(pair["currentRoundTripTime"]);
  return rtt === null ? null : Math.round(rtt * 1000);
}

export function entriesOf(report: RTCStatsReport): ReadonlyMap<string, Entry> {
  const entries = new Map<string, Entry>();
  report.forEach((entry: Entry, id: string) => entries.set(id, entry));
  return entries;
}
