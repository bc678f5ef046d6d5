// Owns who sits where, so that nobody's tile moves because somebody else came or went.

import type { TileKey } from "./arrangement";

/** Those who stay keep their seats; those who come take the free ones, then new ones at the end; the last ones close the gaps. */
export function assignSeats(before: readonly TileKey[], present: readonly TileKey[]): TileKey[] {
  const here = new Set(present);
  const known = new Set(before);
  const newcomers = present.filter((key) => !known.has(key));
  const seats: (TileKey | null)[] = before.map((key) => (here.has(key) ? key : (newcomers.shift() ?? null)));
  for (let index = 0; index < seats.length; index += 1) {
    while (seats.length > index && seats[seats.length - 1] === null) {
      seats.pop();
    }
    if (index < seats.length && seats[index] === null) {
      seats[index] = seats.pop() ?? null;
    }
  }
  return [...seats.filter((key) => key !== null), ...newcomers];
}

/**
 * Gives whoever speaks a seat on the first page, in exchange with the one there who has been silent longest.
 * `lastSpokeMs`: when each was last heard; absent: never.
 */
export function seatSpeaker(
  seats: readonly TileKey[],
  speaker: TileKey | null,
  firstPage: number,
  lastSpokeMs: ReadonlyMap<TileKey, number>,
): TileKey[] {
  const from = speaker === null ? -1 : seats.indexOf(speaker);
  const result = [...seats];
  if (speaker === null || from < firstPage || firstPage <= 0) {
    return result;
  }
  let quietest = 0;
  for (let index = 1; index < Math.min(firstPage, seats.length); index += 1) {
    if (heardAt(seats[index], lastSpokeMs) < heardAt(seats[quietest], lastSpokeMs)) {
      quietest = index;
    }
  }
  const displaced = seats[quietest];
  if (displaced !== undefined) {
    result[quietest] = speaker;
    result[from] = displaced;
  }
  return result;
}

function heardAt(key: TileKey | undefined, lastSpokeMs: ReadonlyMap<TileKey, number>): number {
  return key === undefined ? -Infinity : (lastSpokeMs.get(key) ?? -Infinity);
}

/** The seats of one meeting, from its beginning to its end. */
export class SeatPlan {
  #seats: readonly TileKey[] = [];
  readonly #lastSpokeMs = new Map<TileKey, number>();

  get current(): readonly TileKey[] {
    return this.#seats;
  }

  seat(present: readonly TileKey[]): void {
    this.#seats = assignSeats(this.#seats, present);
  }

  /** Somebody speaks; `firstPage` is how many seats are in sight. */
  hear(speaker: TileKey, nowMs: number, firstPage: number): void {
    this.#lastSpokeMs.set(speaker, nowMs);
    this.#seats = seatSpeaker(this.#seats, speaker, firstPage, this.#lastSpokeMs);
  }
}
