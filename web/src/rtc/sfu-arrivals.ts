// Owns what arrives from the SFU for whom: which slot's track plays in whose tile, and from when on its picture may be seen.

import type { ParticipantId, SlotStanding, SlotState, Source } from "../protocol/types";
import type { Received } from "../room/reducer";

/** How long a picture may stand still before its tile shows the face's initials instead. */
const FROZEN_MS = 3500;
/** How long to look closely for the first frame. */
const AWAITING_MS = 8000;
/** A picture whose first key frame was not noticed is shown after so many frames; where they are not counted, after so few. */
const FRAMES_ENOUGH = 20;
const FRAMES_UNCOUNTED = 2;

/** The counters of one slot. */
export interface SlotFrames {
  readonly frames: number;
  /** Null where the browser does not count them. */
  readonly keyFrames: number | null;
}

const UNUSED: SlotFrames = { frames: 0, keyFrames: 0 };

/** A slot in the hands of somebody. */
interface Place {
  readonly mid: string;
  readonly track: MediaStreamTrack;
  readonly standing: SlotStanding;
}

interface Picture extends Place {
  /** Of the slot when it was assigned; null until it has been read. */
  from: SlotFrames | null;
  frames: number;
  /** When a frame came last, or it was first looked at; null before that. */
  grewMs: number | null;
  seen: boolean;
}

/** What arrives from one participant. The streams stay the same objects while they have a track. */
interface Arrival {
  camera: MediaStream | null;
  screen: MediaStream | null;
  readonly places: Map<Source, Place>;
  readonly pictures: Map<Source, Picture>;
}

export class SfuArrivals {
  readonly #tell: (participant: ParticipantId, received: Partial<Received>) => void;
  readonly #arrivals = new Map<ParticipantId, Arrival>();
  /** Slots that have shown somebody. */
  readonly #used = new WeakSet<MediaStreamTrack>();

  constructor(tell: (participant: ParticipantId, received: Partial<Received>) => void) {
    this.#tell = tell;
  }

  /** A picture has been assigned, and its first frame is not here yet. */
  isAwaiting(nowMs: number): boolean {
    return [...this.#arrivals.values()].some(({ pictures }) =>
      [...pictures.values()].some(
        ({ seen, grewMs, standing }) => standing === "live" && !seen && (grewMs === null || nowMs - grewMs < AWAITING_MS),
      ),
    );
  }

  /** All slots that are assigned; what is in none has gone. */
  assign(slots: readonly SlotState[], trackOf: (mid: string) => MediaStreamTrack | null): void {
    const assigned = new Map<ParticipantId, Map<Source, Place>>();
    for (const { mid, participant, source, state } of slots) {
      const track = trackOf(mid);
      if (track !== null) {
        const places = assigned.get(participant) ?? new Map<Source, Place>();
        assigned.set(participant, places.set(source, { mid, track, standing: state }));
      }
    }
    // First all that go, so that no track plays in two tiles.
    for (const participant of this.#arrivals.keys()) {
      this.#update(participant, assigned.get(participant) ?? new Map<Source, Place>(), "go");
    }
    for (const [participant, places] of assigned) {
      this.#update(participant, places, "come");
    }
  }

  /** A reading of the slots' counters, by mid. */
  watch(counters: ReadonlyMap<string, SlotFrames>, nowMs: number): void {
    for (const [participant, arrival] of this.#arrivals) {
      let changed = false;
      for (const picture of arrival.pictures.values()) {
        const now = counters.get(picture.mid) ?? UNUSED;
        changed = observe(picture, now, nowMs) || changed;
      }
      if (changed) {
        this.#reveal(participant, arrival);
      }
    }
  }

  /** The voices that arrive. */
  sounds(): ReadonlyMap<ParticipantId, MediaStreamTrack> {
    const sounds = new Map<ParticipantId, MediaStreamTrack>();
    for (const [participant, { places }] of this.#arrivals) {
      const place = places.get("microphone");
      if (place !== undefined) {
        sounds.set(participant, place.track);
      }
    }
    return sounds;
  }

  /** In which slot a participant's camera is. */
  midOf(participant: ParticipantId): string | null {
    return this.#arrivals.get(participant)?.places.get("camera")?.mid ?? null;
  }

  #update(participant: ParticipantId, places: ReadonlyMap<Source, Place>, step: "go" | "come"): void {
    const arrival: Arrival = this.#arrivals.get(participant) ?? { camera: null, screen: null, places: new Map(), pictures: new Map() };
    this.#arrivals.set(participant, arrival);
    for (const [source, place] of arrival.places) {
      const next = places.get(source);
      if (next?.track !== place.track) {
        arrival.places.delete(source);
        arrival.pictures.delete(source);
      }
    }
    if (step === "come") {
      for (const [source, place] of places) {
        this.#place(arrival, source, place);
      }
    }
    arrival.camera = fill(arrival.camera, arrival.places, ["microphone", "camera"]);
    arrival.screen = fill(arrival.screen, arrival.places, ["screen", "screen_sound"]);
    this.#reveal(participant, arrival);
    if (arrival.places.size === 0 && step === "go" && places.size === 0) {
      this.#arrivals.delete(participant);
    }
  }

  #place(arrival: Arrival, source: Source, place: Place): void {
    const before = arrival.places.get(source);
    arrival.places.set(source, place);
    if (source !== "camera" && source !== "screen") {
      return;
    }
    // What begins, or goes on after a pause, begins with a key frame; before it the slot still shows what was in it last.
    if (before?.standing !== "live" || place.standing !== "live") {
      const from = this.#used.has(place.track) ? null : UNUSED;
      this.#used.add(place.track);
      arrival.pictures.set(source, { ...place, from, frames: 0, grewMs: null, seen: false });
    }
  }

  #reveal(participant: ParticipantId, { camera, screen, places, pictures }: Arrival): void {
    this.#tell(participant, {
      camera,
      screen,
      frames: pictures.get("camera")?.seen === true,
      screenFrames: pictures.get("screen")?.seen === true,
      cameraStanding: places.get("camera")?.standing ?? "live",
      screenStanding: places.get("screen")?.standing ?? "live",
    });
  }
}

/** Takes a reading; true when the picture may be seen now and could not before, or the other way round. */
function observe(picture: Picture, now: SlotFrames, nowMs: number): boolean {
  const { from, frames, seen } = picture;
  picture.frames = now.frames;
  if (picture.standing !== "live") {
    return false;
  }
  if (from === null) {
    picture.from = now;
    picture.grewMs = nowMs;
    return false;
  }
  const grows = now.frames > frames;
  picture.grewMs = grows ? nowMs : (picture.grewMs ?? nowMs);
  const enough = now.keyFrames === null ? FRAMES_UNCOUNTED : FRAMES_ENOUGH;
  const begun = (now.keyFrames ?? 0) > (from.keyFrames ?? 0) || now.frames >= from.frames + enough;
  picture.seen = grows ? begun : seen && nowMs - picture.grewMs < FROZEN_MS;
  return picture.seen !== seen;
}

/** A stream with exactly these tracks: the same object, unless it had none. */
function fill(stream: MediaStream | null, places: ReadonlyMap<Source, Place>, sources: readonly Source[]): MediaStream | null {
  const tracks = sources.flatMap((source) => places.get(source)?.track ?? []);
  if (stream === null || tracks.length === 0) {
    return tracks.length === 0 ? null : new MediaStream(tracks);
  }
  for (const track of stream.getTracks()) {
    if (!tracks.includes(track)) {
      stream.removeTrack(track);
    }
  }
  for (const track of tracks) {
    stream.addTrack(track);
  }
  return stream;
}
