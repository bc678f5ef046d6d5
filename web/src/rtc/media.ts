// Owns what this device captures, as the view and the links see it: one state made of microphone, camera and screen.

import { signal, type ReadonlySignal } from "@preact/signals";
import type { Media } from "../room/meeting";
import type { LocalMedia, MediaTrouble } from "../room/state";
import { memoryOf, type Memory } from "../storage";
import { Device } from "./device";
import { Levels } from "./levels";
import { Screen } from "./screen";

const LEVEL_INTERVAL_MS = 250;
const TROUBLES_MAX = 20;
const SPEAKER = "speaker";

const NOTHING: LocalMedia = {
  microphone: "off",
  camera: "off",
  sharing: false,
  microphoneStream: null,
  cameraStream: null,
  screenStream: null,
  devices: [],
  microphoneId: null,
  cameraId: null,
  speakerId: null,
  level: 0,
  troubles: [],
};

export function createMedia(): Media {
  // Absent, whatever the types say, in a page that is not secure.
  const devices = "mediaDevices" in navigator ? navigator.mediaDevices : null;
  return new Capture(devices, memoryOf("local"));
}

class Capture implements Media {
  readonly #devices: MediaDevices | null;
  readonly #memory: Memory;
  readonly #state = signal(NOTHING);
  readonly #microphone: Device;
  readonly #camera: Device;
  readonly #screen: Screen;
  readonly #levels = new Levels<"own">();
  #levelTimer: ReturnType<typeof setInterval> | null = null;

  constructor(devices: MediaDevices | null, memory: Memory) {
    this.#devices = devices;
    this.#memory = memory;
    const changed = () => {
      this.#publish();
    };
    const lost = (label: string) => {
      this.#trouble("device-lost", label);
    };
    this.#microphone = new Device("microphone", devices, memory, { changed, lost });
    this.#camera = new Device("camera", devices, memory, { changed, lost });
    this.#screen = new Screen(devices, {
      changed,
      failed: (message) => {
        this.#trouble("share-failed", message);
      },
    });
    this.#state.value = { ...NOTHING, speakerId: memory.recall(SPEAKER) };
    devices?.addEventListener("devicechange", () => {
      void this.refresh();
    });
    document.addEventListener("visibilitychange", () => {
      if (document.visibilityState === "visible") {
        void this.#microphone.restore();
        void this.#camera.restore();
      }
    });
    this.#publish();
  }

  get state(): ReadonlySignal<LocalMedia> {
    return this.#state;
  }

  async setMicrophone(on: boolean): Promise<void> {
    await this.#microphone.set(on);
    await this.refresh();
  }

  async setCamera(on: boolean): Promise<void> {
    await this.#camera.set(on);
    await this.refresh();
  }

  async chooseMicrophone(deviceId: string): Promise<void> {
    await this.#microphone.choose(deviceId);
    this.#publish();
  }

  async chooseCamera(deviceId: string): Promise<void> {
    await this.#camera.choose(deviceId);
    this.#publish();
  }

  chooseSpeaker(deviceId: string): void {
    this.#memory.remember(SPEAKER, deviceId);
    this.#state.value = { ...this.#state.value, speakerId: deviceId };
  }

  switchCamera(): Promise<void> {
    return this.#camera.turnAround(this.#idsOf("videoinput"));
  }

  startSharing(): Promise<void> {
    return this.#screen.start();
  }

  stopSharing(): void {
    this.#screen.stop();
  }

  async refresh(): Promise<void> {
    if (this.#devices === null) {
      return;
    }
    const found = await this.#devices.enumerateDevices().catch(() => []);
    // Before the person has allowed anything, devices have neither an id nor a label.
    const devices = found
      .filter((device) => device.deviceId !== "")
      .map((device) => ({ id: device.deviceId, kind: device.kind, label: device.label }));
    this.#state.value = { ...this.#state.value, devices };
    this.#microphone.compare(this.#idsOf("audioinput"));
    this.#camera.compare(this.#idsOf("videoinput"));
  }

  hold(): () => void {
    this.#microphone.setHeld(true);
    return () => {
      this.#microphone.setHeld(false);
      void this.#microphone.set(false);
      void this.#camera.set(false);
      this.#screen.stop();
    };
  }

  #idsOf(kind: MediaDeviceKind): readonly string[] {
    return this.#state.value.devices.filter((device) => device.kind === kind).map((device) => device.id);
  }

  #publish(): void {
    this.#state.value = {
      ...this.#state.value,
      microphone: this.#microphone.state,
      camera: this.#camera.state,
      sharing: this.#screen.stream !== null,
      microphoneStream: this.#microphone.stream,
      cameraStream: this.#camera.stream,
      screenStream: this.#screen.stream,
      microphoneId: this.#microphone.id,
      cameraId: this.#camera.id,
    };
    this.#measure();
  }

  #measure(): void {
    const track = this.#microphone.stream?.getAudioTracks()[0];
    this.#levels.listen(new Map(track === undefined ? [] : [["own", track]]));
    if (track === undefined && this.#levelTimer !== null) {
      clearInterval(this.#levelTimer);
      this.#levelTimer = null;
      this.#showLevel(0);
    } else if (track !== undefined) {
      this.#levelTimer ??= setInterval(() => {
        this.#showLevel(this.#levels.read().get("own") ?? 0);
      }, LEVEL_INTERVAL_MS);
    }
  }

  #showLevel(level: number): void {
    if (level !== this.#state.value.level) {
      this.#state.value = { ...this.#state.value, level };
    }
  }

  #trouble(kind: MediaTrouble["kind"], label: string): void {
    const { troubles } = this.#state.value;
    const number = (troubles[troubles.length - 1]?.number ?? 0) + 1;
    this.#state.value = { ...this.#state.value, troubles: [...troubles, { number, kind, label }].slice(-TROUBLES_MAX) };
  }
}
