// Owns one capture device of this page, the microphone or the camera: opening, muting, changing, losing it.

import type { Memory } from "../storage";
import type { DeviceState } from "../room/state";

export type DeviceName = "microphone" | "camera";

export interface DeviceEvents {
  changed(): void;
  /** It went away of its own accord; by now another one may have taken its place. */
  lost(label: string): void;
}

export class Device {
  readonly #name: DeviceName;
  /** Null in a page that is not secure: there is no capture at all. */
  readonly #devices: MediaDevices | null;
  readonly #memory: Memory;
  readonly #events: DeviceEvents;
  #state: DeviceState = "off";
  #stream: MediaStream | null = null;
  #chosen: string | null;
  #held = false;
  /** It ended while the page could not be seen; a phone gives it back when the page returns. */
  #interrupted = false;
  #work: Promise<void> = Promise.resolve();

  constructor(name: DeviceName, devices: MediaDevices | null, memory: Memory, events: DeviceEvents) {
    this.#name = name;
    this.#devices = devices;
    this.#memory = memory;
    this.#events = events;
    this.#chosen = memory.recall(name);
  }

  get state(): DeviceState {
    return this.#state;
  }

  get stream(): MediaStream | null {
    return this.#stream;
  }

  /** The device in use, else the one that was chosen. */
  get id(): string | null {
    return this.#track?.getSettings().deviceId ?? this.#chosen;
  }

  get #track(): MediaStreamTrack | null {
    return this.#stream?.getTracks()[0] ?? null;
  }

  /** While held, off only silences the microphone. A camera is always released: its light must go off. */
  setHeld(held: boolean): void {
    this.#held = held;
  }

  set(on: boolean): Promise<void> {
    return this.#queue(() => (on ? this.#turnOn() : this.#turnOff()));
  }

  choose(id: string): Promise<void> {
    return this.#queue(async () => {
      const before = this.#chosen;
      this.#chosen = id;
      this.#memory.remember(this.#name, id);
      if (this.#state !== "off" || this.#stream !== null) {
        await this.#exchange(this.#constraints({ deviceId: { exact: id } }), before);
      }
    });
  }

  /** Asks for a camera that looks the other way. */
  turnAround(others: readonly string[]): Promise<void> {
    return this.#queue(async () => {
      const facing = this.#track?.getSettings().facingMode;
      const next = others[(others.indexOf(this.id ?? "") + 1) % others.length];
      if (facing !== undefined) {
        const facingMode = { ideal: facing === "environment" ? "user" : "environment" };
        await this.#exchange(this.#constraints({ facingMode }), this.#chosen);
      } else if (next !== undefined) {
        await this.#exchange(this.#constraints({ deviceId: { exact: next } }), this.#chosen);
      }
    });
  }

  /** The page can be seen again: opens what ended meanwhile. */
  restore(): Promise<void> {
    return this.#queue(async () => {
      if (this.#interrupted || (this.#state === "on" && this.#track?.readyState === "ended")) {
        this.#release();
        await this.#open(this.#constraints());
      }
    });
  }

  /** The list of devices is another one: the device in use may be gone without having said so. */
  compare(ids: readonly string[]): void {
    const track = this.#track;
    const id = track?.getSettings().deviceId;
    if (track?.readyState === "live" && id !== undefined && ids.length > 0 && !ids.includes(id)) {
      this.#handleEnded(track);
    }
  }

  /** Steps wait for each other: on, off, on in one second ends with on. */
  #queue(step: () => Promise<void>): Promise<void> {
    this.#work = this.#work.then(step);
    return this.#work;
  }

  async #turnOn(): Promise<void> {
    const track = this.#track;
    if (track?.readyState === "live") {
      track.enabled = true;
      this.#show("on");
    } else {
      this.#release();
      await this.#open(this.#constraints());
    }
  }

  #turnOff(): Promise<void> {
    this.#interrupted = false;
    const track = this.#track;
    if (this.#held && this.#name === "microphone" && track?.readyState === "live") {
      track.enabled = false;
    } else {
      this.#release();
    }
    this.#show("off");
    return Promise.resolve();
  }

  /** Opens a device; why it failed becomes the state. */
  async #open(constraints: MediaTrackConstraints): Promise<void> {
    this.#interrupted = false;
    if (this.#devices === null) {
      this.#show("insecure");
      return;
    }
    this.#show("starting");
    try {
      const request = this.#name === "microphone" ? { audio: constraints } : { video: constraints };
      this.#adopt(await this.#devices.getUserMedia(request));
      this.#show("on");
    } catch (error) {
      this.#show(stateOf(error));
    }
  }

  /** Puts another device in the place of the one in use; when that fails, the one before comes back. */
  async #exchange(constraints: MediaTrackConstraints, before: string | null): Promise<void> {
    const enabled = this.#track?.enabled ?? true;
    const state = this.#state;
    // A phone opens only one camera at a time, and some one microphone.
    this.#release();
    await this.#open(constraints);
    if (this.#stream === null) {
      this.#chosen = before;
      await this.#open(this.#constraints());
    }
    if (this.#track !== null && !enabled) {
      this.#track.enabled = false;
      this.#show(state);
    }
  }

  #adopt(stream: MediaStream): void {
    this.#stream = stream;
    const track = this.#track;
    if (track !== null) {
      track.contentHint = this.#name === "microphone" ? "speech" : "motion";
      track.onended = () => {
        this.#handleEnded(track);
      };
    }
  }

  #release(): void {
    for (const track of this.#stream?.getTracks() ?? []) {
      track.onended = null;
      track.stop();
    }
    this.#stream = null;
  }

  #handleEnded(track: MediaStreamTrack): void {
    void this.#queue(async () => {
      if (track !== this.#track) {
        return;
      }
      const { enabled, label } = track;
      this.#release();
      if (document.visibilityState === "hidden") {
        // Who had muted themselves must not be heard on return.
        this.#interrupted = enabled;
        this.#show("off");
        return;
      }
      if (enabled) {
        await this.#open(this.#constraints());
      } else {
        this.#show("off");
      }
      this.#events.lost(label);
    });
  }

  #show(state: DeviceState): void {
    this.#state = state;
    this.#events.changed();
  }

  #constraints(wanted: MediaTrackConstraints = this.#preference()): MediaTrackConstraints {
    const common =
      this.#name === "microphone"
        ? { echoCancellation: true, noiseSuppression: true, autoGainControl: true }
        : { width: { ideal: 1280 }, height: { ideal: 720 }, frameRate: { ideal: 30 } };
    return { ...common, ...wanted };
  }

  /** Only a wish: the remembered device may be at home. */
  #preference(): MediaTrackConstraints {
    if (this.#chosen !== null) {
      return { deviceId: { ideal: this.#chosen } };
    }
    return this.#name === "camera" ? { facingMode: { ideal: "user" } } : {};
  }
}

function stateOf(error: unknown): DeviceState {
  switch (error instanceof Error ? error.name : "") {
    case "NotAllowedError":
    case "SecurityError":
      return "blocked";
    case "NotReadableError":
    case "AbortError":
      return "busy";
    default:
      return "missing";
  }
}
