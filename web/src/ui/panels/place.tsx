// Owns where somebody is, in words: how far and which way, or the coordinates.

import { bearingDegrees, distanceMetres } from "../../geo/geo";
import type { Position } from "../../protocol/types";
import { NavigationIcon } from "../parts/icons";
import { nameDirection } from "../room/compass";
import type { Words } from "../words/en";
import { formatDegrees, formatDistance } from "../words/format";
import { words } from "../words/language";

/** `from`: where oneself is, as far as known. */
export function Place({ position, from }: { position: Position; from: Position | null }) {
  const w = words.value;
  if (from === null) {
    return (
      <p class="place">
        {formatCoordinates(position, w)}
        <Accuracy position={position} atLeastMetres={ACCURACY_WORTH_TELLING_METRES} />
      </p>
    );
  }
  const metres = distanceMetres(from, position);
  if (metres < NEAR_METRES) {
    return <p class="place">{w.hereBy}</p>;
  }
  const bearing = bearingDegrees(from, position);
  return (
    <p class="place">
      <span class="place-arrow" style={{ rotate: `${(bearing - ICON_POINTS_DEGREES).toFixed(0)}deg` }}>
        <NavigationIcon />
      </span>
      {w.awayAndDirection(formatDistance(metres), w.direction[nameDirection(bearing)])}
      <Accuracy position={position} atLeastMetres={Math.max(ACCURACY_WORTH_TELLING_METRES, metres / 20)} />
    </p>
  );
}

/** Nearer than a position can be measured. */
const NEAR_METRES = 5;
/** The icon's own tip points north-east. */
const ICON_POINTS_DEGREES = 45;
/** Below this nobody needs to know. */
const ACCURACY_WORTH_TELLING_METRES = 50;

function Accuracy({ position: { accuracy }, atLeastMetres }: { position: Position; atLeastMetres: number }) {
  return accuracy === undefined || accuracy < atLeastMetres ? null : (
    <span class="place-accuracy">{words.value.accuracy(formatDistance(accuracy))}</span>
  );
}

function formatCoordinates({ latitude, longitude }: Position, w: Words): string {
  return [
    w.latitude(formatDegrees(Math.abs(latitude)), latitude >= 0),
    w.longitude(formatDegrees(Math.abs(longitude)), longitude >= 0),
  ].join(", ");
}
