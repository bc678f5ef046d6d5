// Owns the proofs about sharing one's place.

import { expect, test } from "vitest";
import type { Position } from "../../protocol/types";
import { createLocationSharing } from "./location-sharing";

function fakeGeolocation() {
  let succeed: PositionCallback = () => undefined;
  let fail: PositionErrorCallback = () => undefined;
  const cleared: number[] = [];
  return {
    cleared,
    geolocation: {
      watchPosition: (onSuccess: PositionCallback, onError?: PositionErrorCallback | null) => {
        succeed = onSuccess;
        fail = onError ?? fail;
        return 7;
      },
      clearWatch: (id: number) => {
        cleared.push(id);
      },
    },
    tell: (coords: object) => succeed({ coords } as GeolocationPosition),
    fail: (code: number) => fail({ code } as GeolocationPositionError),
  };
}

function start(secure = true) {
  const device = fakeGeolocation();
  const shared: (Position | null)[] = [];
  const location = createLocationSharing(device.geolocation, secure, (position) => shared.push(position));
  location.start();
  return { ...device, shared, location };
}

test("each reading is shared, without what the device does not know", () => {
  const { location, shared, tell } = start();
  expect(location.state.value.kind).toBe("starting");
  tell({ latitude: 1, longitude: 2, accuracy: 3, heading: NaN });
  tell({ latitude: 1, longitude: 2, accuracy: 3, heading: 90 });
  expect(location.state.value.kind).toBe("on");
  expect(shared).toEqual([
    { latitude: 1, longitude: 2, accuracy: 3 },
    { latitude: 1, longitude: 2, accuracy: 3, heading: 90 },
  ]);
});

test("stopping takes the place back and ends the watch", () => {
  const { location, shared, tell, cleared } = start();
  tell({ latitude: 1, longitude: 2, accuracy: 3, heading: null });
  location.stop();
  expect(shared.at(-1)).toBeNull();
  expect(cleared).toEqual([7]);
  expect(location.state.value.kind).toBe("off");
});

test("a refusal ends it and says so; nothing was shared", () => {
  const { location, shared, fail, cleared } = start();
  fail(1);
  expect(location.state.value).toEqual({ kind: "failed", fault: "blocked" });
  expect(shared).toEqual([]);
  expect(cleared).toEqual([7]);
});

test("one failed reading does not end what works", () => {
  const { location, tell, fail } = start();
  tell({ latitude: 1, longitude: 2, accuracy: 3, heading: null });
  fail(3);
  expect(location.state.value.kind).toBe("on");
  fail(1);
  expect(location.state.value).toEqual({ kind: "failed", fault: "blocked" });
});

test("an insecure page does not even ask", () => {
  expect(start(false).location.state.value).toEqual({ kind: "failed", fault: "insecure" });
});
