// Owns how loud audio tracks are, from 0 (silence) to 1.

const SAMPLES = 1024;
/** The quietest sound that counts, in decibels below full scale. */
const FLOOR_DB = 60;

/** Browsers allow a page few audio contexts, so there is one for all. */
let shared: AudioContext | null = null;

function audioContext(): AudioContext {
  shared ??= new AudioContext();
  // Until the person has touched the page a browser may hold the context; asking again is free.
  if (shared.state === "suspended") {
    shared.resume().catch(() => undefined);
  }
  return shared;
}

/** The loudness of one track. */
class Meter {
  readonly track: MediaStreamTrack;
  readonly #source: MediaStreamAudioSourceNode;
  readonly #analyser: AnalyserNode;
  readonly #samples = new Float32Array(SAMPLES);

  constructor(track: MediaStreamTrack) {
    this.track = track;
    const context = audioContext();
    this.#source = context.createMediaStreamSource(new MediaStream([track]));
    this.#analyser = new AnalyserNode(context, { fftSize: SAMPLES });
    this.#source.connect(this.#analyser);
  }

  read(): number {
    audioContext();
    this.#analyser.getFloatTimeDomainData(this.#samples);
    return loudness(this.#samples);
  }

  close(): void {
    this.#source.disconnect();
  }
}

/** The meters of some tracks, by name. */
export class Levels<Name> {
  readonly #meters = new Map<Name, Meter>();

  /** Measures exactly these tracks from now on. */
  listen(tracks: ReadonlyMap<Name, MediaStreamTrack>): void {
    for (const [name, meter] of this.#meters) {
      if (tracks.get(name) !== meter.track) {
        meter.close();
        this.#meters.delete(name);
      }
    }
    for (const [name, track] of tracks) {
      if (!this.#meters.has(name)) {
        this.#meters.set(name, new Meter(track));
      }
    }
  }

  read(): ReadonlyMap<Name, number> {
    return new Map([...this.#meters].map(([name, meter]) => [name, meter.read()]));
  }

  close(): void {
    this.listen(new Map());
  }
}

/** Root mean square on a scale of decibels, to two digits: what cannot be seen need not be drawn. */
export function loudness(samples: Float32Array): number {
  const power = samples.reduce((sum, sample) => sum + sample * sample, 0) / samples.length;
  if (power === 0) {
    return 0;
  }
  const level = 1 + (10 * Math.log10(power)) / FLOOR_DB;
  return Math.round(Math.min(1, Math.max(0, level)) * 100) / 100;
}
