// Owns the switch that shares one's own place, and what is said about it.

import { assertNever } from "../../assert";
import { MapPinIcon } from "../parts/icons";
import type { LocationSharing, LocationState } from "../room/location-sharing";
import type { Words } from "../words/en";
import { words } from "../words/language";

export function LocationSwitch({ location, someoneShares }: { location: LocationSharing; someoneShares: boolean }) {
  const w = words.value;
  const state = location.state.value;
  const sharing = state.kind === "on" || state.kind === "starting";
  const text = describe(state, someoneShares, w);
  return (
    <div class="location-switch">
      <button type="button" class="button" data-size="small" onClick={sharing ? location.stop : location.start}>
        <MapPinIcon />
        {sharing ? w.stopLocation : w.shareLocation}
      </button>
      <p class="hint" role="status">
        {text}
      </p>
    </div>
  );
}

function describe(state: LocationState, someoneShares: boolean, w: Words): string | null {
  switch (state.kind) {
    case "off":
      return someoneShares ? w.locationHint : null;
    case "starting":
      return w.locationStarting;
    case "on":
      return w.locationOn;
    case "failed":
      return w.locationFault[state.fault];
    default:
      return assertNever(state);
  }
}
