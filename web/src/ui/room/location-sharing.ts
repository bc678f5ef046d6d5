// Owns the sharing of this device's place: from the wish to the watch, and what went wrong in words that can be mended.

import { signal, type ReadonlySignal } from "@preact/signals";
import type { Position } from "../../protocol/types";
import type { Words } from "../words/en";

export type LocationFault = keyof Words["locationFault"];

export type LocationState =
  | { readonly kind: "off" }
  | { readonly kind: "starting" }
  | { readonly kind: "on" }
  | { readonly kind: "failed"; readonly fault: LocationFault };

export interface LocationSharing {
  readonly state: ReadonlySignal<LocationState>;
  readonly start: () => void;
  readonly stop: () => void;
}

/** `geolocation` is undefined where the browser has none. */
export function createLocationSharing(
  geolocation: Pick<Geolocation, "watchPosition" | "clearWatch"> | undefined,
  secure: boolean,
  share: (position: Position | null) => void,
): LocationSharing {
  const state = signal<LocationState>({ kind: "off" });
  let watch: number | null = null;

  const end = (next: LocationState) => {
    if (watch !== null) {
      geolocation?.clearWatch(watch);
      watch = null;
    }
    if (state.peek().kind === "on") {
      share(null);
    }
    state.value = next;
  };

  return {
    state,
    start: () => {
      if (watch !== null) {
        return;
      }
      if (!secure || geolocation === undefined) {
        state.value = { kind: "failed", fault: secure ? "missing" : "insecure" };
        return;
      }
      state.value = { kind: "starting" };
      watch = geolocation.watchPosition(
        ({ coords }) => {
          state.value = { kind: "on" };
          share(readPosition(coords));
        },
        (error) => {
          // One reading that fails does not make the last one wrong.
          if (error.code === PERMISSION_DENIED || state.peek().kind !== "on") {
            end({ kind: "failed", fault: readFault(error.code) });
          }
        },
        { enableHighAccuracy: true, maximumAge: 10_000, timeout: 30_000 },
      );
    },
    stop: () => end({ kind: "off" }),
  };
}

// GeolocationPositionError's own numbers (W3C Geolocation section 8).
const PERMISSION_DENIED = 1;
const POSITION_UNAVAILABLE = 2;

function readFault(code: number): LocationFault {
  return code === PERMISSION_DENIED ? "blocked" : code === POSITION_UNAVAILABLE ? "unavailable" : "timeout";
}

function readPosition({ latitude, longitude, accuracy, heading }: GeolocationCoordinates): Position {
  return {
    latitude,
    longitude,
    ...(Number.isFinite(accuracy) ? { accuracy } : {}),
    // NaN while the device stands still.
    ...(heading !== null && Number.isFinite(heading) ? { heading } : {}),
  };
}
