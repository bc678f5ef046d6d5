// Owns who counts as the speaker: the loudest, but not everyone who coughs.

import type { ParticipantId } from "../protocol/types";

/** About -33 dB: speech into any microphone, not the room behind it. */
const LOUD = 0.45;
/** A pause for breath does not hand over the floor. */
const HOLD_MS = 1000;
/** Who interrupts has to be clearly louder. */
const LOUDER_BY = 0.1;

export interface Speaker {
  readonly id: ParticipantId;
  readonly loudAtMs: number;
}

export function chooseSpeaker(
  current: Speaker | null,
  levels: ReadonlyMap<ParticipantId, number>,
  nowMs: number,
): Speaker | null {
  const level = (id: ParticipantId) => levels.get(id) ?? 0;
  let loudest: ParticipantId | null = null;
  for (const [id, loudness] of levels) {
    if (loudness >= LOUD && (loudest === null || loudness > level(loudest))) {
      loudest = id;
    }
  }
  const held = current !== null && levels.has(current.id) && nowMs - current.loudAtMs < HOLD_MS ? current : null;
  if (loudest === null) {
    return held;
  }
  if (held === null || loudest === held.id || level(loudest) > level(held.id) + LOUDER_BY) {
    return { id: loudest, loudAtMs: nowMs };
  }
  return level(held.id) >= LOUD ? { id: held.id, loudAtMs: nowMs } : held;
}

/** Of the speaker among those who are heard directly and the one whom the server names, the louder one; both may be absent. */
export function joinSpeakers(
  heard: ParticipantId | null,
  named: ParticipantId | null,
  levels: ReadonlyMap<ParticipantId, number>,
): ParticipantId | null {
  if (heard === null || named === null) {
    return heard ?? named;
  }
  return (levels.get(heard) ?? 0) > (levels.get(named) ?? 0) ? heard : named;
}
