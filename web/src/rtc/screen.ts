// Owns the shared screen of this page.

export interface ScreenEvents {
  changed(): void;
  failed(message: string): void;
}

export class Screen {
  readonly #devices: MediaDevices | null;
  readonly #events: ScreenEvents;
  #stream: MediaStream | null = null;
  #asking = false;

  constructor(devices: MediaDevices | null, events: ScreenEvents) {
    this.#devices = devices;
    this.#events = events;
  }

  get stream(): MediaStream | null {
    return this.#stream;
  }

  async start(): Promise<void> {
    if (this.#stream !== null || this.#asking) {
      return;
    }
    // Phones have no getDisplayMedia, whatever the types say.
    if (this.#devices === null || !("getDisplayMedia" in this.#devices)) {
      this.#events.failed("");
      return;
    }
    this.#asking = true;
    try {
      this.#adopt(await this.#devices.getDisplayMedia({ video: { frameRate: { max: 30 } }, audio: true }));
    } catch (error) {
      // The person changed their mind: no failure. A system that forbids it says so under the same name.
      const cancelled = error instanceof Error && error.name === "NotAllowedError" && !error.message.includes("system");
      if (!cancelled) {
        this.#events.failed(error instanceof Error ? error.message : "");
      }
    } finally {
      this.#asking = false;
    }
  }

  stop(): void {
    for (const track of this.#stream?.getTracks() ?? []) {
      track.onended = null;
      track.stop();
    }
    if (this.#stream !== null) {
      this.#stream = null;
      this.#events.changed();
    }
  }

  #adopt(stream: MediaStream): void {
    this.#stream = stream;
    const video = stream.getVideoTracks()[0];
    if (video !== undefined) {
      video.contentHint = "detail";
      // The browser's own button ends it.
      video.onended = () => {
        this.stop();
      };
    }
    this.#events.changed();
  }
}
