// One capture device against a browser whose devices come, go and refuse.

import { afterEach, expect, test, vi } from "vitest";
import { Device, type DeviceName } from "./device";

interface FakeTrack {
  readyState: "live" | "ended";
  enabled: boolean;
  readonly label: string;
  contentHint: string;
  onended: (() => void) | null;
  stop(): void;
  getSettings(): { deviceId: string; facingMode?: string };
}

class FakeDevices {
  readonly asked: MediaTrackConstraints[] = [];
  readonly opened: FakeTrack[] = [];
  present = ["a", "b"];
  refusal: string | null = null;

  getUserMedia(request: MediaStreamConstraints): Promise<MediaStream> {
    const wanted = (request.audio ?? request.video) as MediaTrackConstraints;
    this.asked.push(wanted);
    const id = wanted.deviceId as { exact?: string; ideal?: string } | undefined;
    const found = id?.exact ?? this.present.find((present) => present === id?.ideal) ?? this.present[0];
    const refusal = this.refusal ?? (found === undefined || !this.present.includes(found) ? "NotFoundError" : null);
    if (refusal !== null || found === undefined) {
      return Promise.reject(new DOMException("no", refusal ?? ""));
    }
    const track: FakeTrack = {
      readyState: "live",
      enabled: true,
      label: `device ${found}`,
      contentHint: "",
      onended: null,
      stop: () => {
        track.readyState = "ended";
      },
      getSettings: () => ({ deviceId: found }),
    };
    this.opened.push(track);
    return Promise.resolve({ getTracks: () => [track] } as unknown as MediaStream);
  }

  /** The device is pulled out. */
  pull(track: FakeTrack): void {
    this.present = this.present.filter((id) => id !== track.getSettings().deviceId);
    track.readyState = "ended";
    track.onended?.();
  }

  get live(): FakeTrack[] {
    return this.opened.filter((track) => track.readyState === "live");
  }
}

function open(name: DeviceName, remembered: string | null = null) {
  vi.stubGlobal("document", { visibilityState: "visible" });
  const devices = new FakeDevices();
  const lost: string[] = [];
  const memory = new Map<string, string | null>([[name, remembered]]);
  const device = new Device(
    name,
    devices as unknown as MediaDevices,
    {
      recall: (key) => memory.get(key) ?? null,
      remember: (key, value) => {
        memory.set(key, value);
      },
    },
    { changed: () => undefined, lost: (label) => lost.push(label) },
  );
  return { devices, device, lost, memory };
}

const first = (devices: FakeDevices): FakeTrack => {
  const track = devices.opened[0];
  if (track === undefined) {
    throw new Error("nothing was opened");
  }
  return track;
};

afterEach(() => {
  vi.unstubAllGlobals();
});

test("on opens, off releases", async () => {
  const { device, devices } = open("camera");
  await device.set(true);
  expect([device.state, devices.live.length]).toEqual(["on", 1]);
  await device.set(false);
  expect([device.state, devices.live.length, device.stream]).toEqual(["off", 0, null]);
});

test("a held microphone is silenced and speaks again without being opened; a held camera is released", async () => {
  const { device, devices } = open("microphone");
  device.setHeld(true);
  await device.set(true);
  await device.set(false);
  expect([device.state, first(devices).enabled, first(devices).readyState]).toEqual(["off", false, "live"]);
  await device.set(true);
  expect([device.state, first(devices).enabled, devices.asked.length]).toEqual(["on", true, 1]);
  const camera = open("camera");
  camera.device.setHeld(true);
  await camera.device.set(true);
  await camera.device.set(false);
  expect(camera.devices.live).toHaveLength(0);
});

test("on, off, on at once ends with one open device", async () => {
  const { device, devices } = open("camera");
  await Promise.all([device.set(true), device.set(false), device.set(true)]);
  expect([device.state, devices.live.length]).toEqual(["on", 1]);
});

test.each([
  ["NotAllowedError", "blocked"],
  ["NotFoundError", "missing"],
  ["OverconstrainedError", "missing"],
  ["NotReadableError", "busy"],
])("%s is %s, and the next try may work", async (name, state) => {
  const { device, devices } = open("camera");
  devices.refusal = name;
  await device.set(true);
  expect(device.state).toBe(state);
  devices.refusal = null;
  await device.set(true);
  expect(device.state).toBe("on");
});

test("a page that is not secure has no devices", async () => {
  const memory = { recall: () => null, remember: () => undefined };
  const device = new Device("camera", null, memory, { changed: () => undefined, lost: () => undefined });
  await device.set(true);
  expect(device.state).toBe("insecure");
});

test("a remembered device is preferred, but not insisted on", async () => {
  const { device, devices } = open("microphone", "b");
  await device.set(true);
  expect(device.id).toBe("b");
  const away = open("microphone", "at home");
  await away.device.set(true);
  expect([away.device.state, away.device.id]).toEqual(["on", "a"]);
  expect(devices.asked[0]).toMatchObject({ echoCancellation: true, noiseSuppression: true, autoGainControl: true });
});

test("another device takes the place of the one in use and is remembered", async () => {
  const { device, devices, memory } = open("camera");
  await device.set(true);
  await device.choose("b");
  expect([device.state, device.id, devices.live.length, memory.get("camera")]).toEqual(["on", "b", 1, "b"]);
});

test("a choice that cannot be opened gives way to the device before", async () => {
  const { device } = open("camera");
  await device.set(true);
  await device.choose("gone");
  expect([device.state, device.id]).toEqual(["on", "a"]);
});

test("choosing a microphone while muted does not unmute", async () => {
  const { device, devices } = open("microphone");
  device.setHeld(true);
  await device.set(true);
  await device.set(false);
  await device.choose("b");
  expect([device.state, device.id, devices.live.map((track) => track.enabled)]).toEqual(["off", "b", [false]]);
});

test("choosing while off opens nothing", async () => {
  const { device, devices } = open("camera");
  await device.choose("b");
  expect(devices.asked).toHaveLength(0);
  await device.set(true);
  expect(device.id).toBe("b");
});

test("a device that is pulled out is replaced, and the person hears of it", async () => {
  const { device, devices, lost } = open("microphone");
  await device.set(true);
  devices.pull(first(devices));
  await device.set(true);
  expect([device.state, device.id, lost]).toEqual(["on", "b", ["device a"]]);
});

test("without another one it is missing", async () => {
  const { device, devices, lost } = open("camera");
  devices.present = ["a"];
  await device.set(true);
  devices.pull(first(devices));
  await device.restore();
  expect([device.state, lost]).toEqual(["missing", ["device a"]]);
});

test("a device that left the list without a word is lost too", async () => {
  const { device, devices, lost } = open("camera");
  await device.set(true);
  devices.present = ["b"];
  device.compare(["b"]);
  await device.restore();
  expect([device.state, device.id, lost]).toEqual(["on", "b", ["device a"]]);
});

test("a phone call ends the track while the page is hidden; it opens again when the page is back", async () => {
  const { device, devices, lost } = open("microphone");
  await device.set(true);
  vi.stubGlobal("document", { visibilityState: "hidden" });
  const track = first(devices);
  track.readyState = "ended";
  track.onended?.();
  await device.choose("a");
  vi.stubGlobal("document", { visibilityState: "visible" });
  await device.restore();
  expect([device.state, devices.live.length, lost]).toEqual(["on", 1, []]);
});

test("who was muted when the phone rang is not heard on return", async () => {
  const { device, devices } = open("microphone");
  device.setHeld(true);
  await device.set(true);
  await device.set(false);
  vi.stubGlobal("document", { visibilityState: "hidden" });
  const track = first(devices);
  track.readyState = "ended";
  track.onended?.();
  await device.choose("a");
  vi.stubGlobal("document", { visibilityState: "visible" });
  await device.restore();
  expect([device.state, devices.live.length]).toEqual(["off", 0]);
});
