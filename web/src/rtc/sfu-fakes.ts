// Owns stand-ins for a browser's peer connection, its sections and its streams, for the tests of the way through the SFU.

let made = 0;

export class FakeTrack {
  readonly id = `track-${String((made += 1))}`;
  readonly kind: string;

  constructor(kind: string) {
    this.kind = kind;
  }
}

export class FakeStream {
  readonly tracks: MediaStreamTrack[];

  constructor(tracks: readonly MediaStreamTrack[] = []) {
    this.tracks = [...tracks];
  }

  getTracks(): MediaStreamTrack[] {
    return [...this.tracks];
  }

  addTrack(track: MediaStreamTrack): void {
    if (!this.tracks.includes(track)) {
      this.tracks.push(track);
    }
  }

  removeTrack(track: MediaStreamTrack): void {
    this.tracks.splice(this.tracks.indexOf(track), 1);
  }
}

class FakeSender {
  track: MediaStreamTrack | null = null;
  readonly #encodings: RTCRtpEncodingParameters[];

  constructor(encodings: readonly RTCRtpEncodingParameters[]) {
    this.#encodings = encodings.map((encoding) => ({ ...encoding }));
  }

  replaceTrack(track: MediaStreamTrack | null): Promise<void> {
    this.track = track;
    return Promise.resolve();
  }

  getParameters() {
    return { encodings: this.#encodings.map((encoding) => ({ ...encoding })) };
  }

  setParameters({ encodings }: { encodings: readonly RTCRtpEncodingParameters[] }): Promise<void> {
    this.#encodings.splice(0, this.#encodings.length, ...encodings);
    return Promise.resolve();
  }
}

class FakeTransceiver {
  mid: string | null = null;
  readonly direction: string;
  readonly sender: FakeSender;
  readonly receiver: { readonly track: FakeTrack };

  constructor(kind: string, { direction = "sendrecv", sendEncodings = [] }: RTCRtpTransceiverInit) {
    this.direction = direction;
    this.sender = new FakeSender(sendEncodings);
    this.receiver = { track: new FakeTrack(kind) };
  }

  setCodecPreferences(): void {
    // Every order will do.
  }
}

/** Keeps its state as a browser does, and makes no connection. */
export class FakePeer {
  signalingState: RTCSignalingState = "stable";
  connectionState: RTCPeerConnectionState = "new";
  localDescription: { readonly type: string; readonly sdp: string } | null = null;
  onconnectionstatechange: (() => void) | null = null;
  readonly transceivers: FakeTransceiver[] = [];
  readonly channel = { binaryType: "", onmessage: null as ((event: { data: unknown }) => void) | null };
  restarts = 0;
  refuses = false;
  stats = new Map<string, Record<string, unknown>>();

  addTransceiver(kind: string, init: RTCRtpTransceiverInit): FakeTransceiver {
    const transceiver = new FakeTransceiver(kind, init);
    this.transceivers.push(transceiver);
    return transceiver;
  }

  createDataChannel() {
    return this.channel;
  }

  setLocalDescription(): Promise<void> {
    this.transceivers.forEach((transceiver, index) => {
      transceiver.mid = String(index);
    });
    this.localDescription = { type: "offer", sdp: `offer of ${String(this.transceivers.length)}` };
    this.signalingState = "have-local-offer";
    return Promise.resolve();
  }

  setRemoteDescription(): Promise<void> {
    if (this.refuses) {
      return Promise.reject(new Error("refused"));
    }
    this.signalingState = "stable";
    return Promise.resolve();
  }

  restartIce(): void {
    this.restarts += 1;
  }

  getStats(): Promise<Map<string, Record<string, unknown>>> {
    return Promise.resolve(this.stats);
  }

  close(): void {
    this.signalingState = "closed";
    this.connectionState = "closed";
  }

  /** What the network does. */
  become(state: RTCPeerConnectionState): void {
    this.connectionState = state;
    this.onconnectionstatechange?.();
  }
}

/** Lets everything run that needs no time. */
export const settled = () => new Promise((resolve) => setImmediate(resolve));

/** Time that stands still until it is told to pass. */
export class FakeClock {
  #nowMs = 1_000_000;
  #tasks: { readonly atMs: number; readonly task: () => void }[] = [];

  nowMs(): number {
    return this.#nowMs;
  }

  after(delayMs: number, task: () => void): () => void {
    const entry = { atMs: this.#nowMs + delayMs, task };
    this.#tasks.push(entry);
    return () => {
      this.#tasks = this.#tasks.filter((other) => other !== entry);
    };
  }

  /** Runs what falls due, each at its time, with what needs no time in between. */
  async pass(ms: number): Promise<void> {
    const untilMs = this.#nowMs + ms;
    for (;;) {
      await settled();
      const [next] = this.#tasks.filter(({ atMs }) => atMs <= untilMs).sort((a, b) => a.atMs - b.atMs);
      if (next === undefined) {
        break;
      }
      this.#tasks = this.#tasks.filter((entry) => entry !== next);
      this.#nowMs = Math.max(this.#nowMs, next.atMs);
      next.task();
    }
    this.#nowMs = untilMs;
    await settled();
  }
}

/** The globals of a browser that the code under test uses. */
export const GLOBALS = {
  MediaStream: FakeStream,
  RTCRtpSender: { getCapabilities: () => null },
  RTCRtpReceiver: { getCapabilities: () => null },
};
