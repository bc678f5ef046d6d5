// Owns distance and direction between two positions.

import type { Position } from "../protocol/types";

type Place = Pick<Position, "latitude" | "longitude">;

/** Mean radius of the Earth (IUGG). On the sphere a distance is off by at most 0.6 %. */
const EARTH_RADIUS_METRES = 6_371_008.8;

const radians = (degrees: number) => (degrees * Math.PI) / 180;

/** The way along the surface in metres, by the haversine formula, which is exact enough for short ways too. */
export function distanceMetres(from: Place, to: Place): number {
  const latitudes = Math.sin(radians(to.latitude - from.latitude) / 2) ** 2;
  const longitudes = Math.sin(radians(to.longitude - from.longitude) / 2) ** 2;
  const half = latitudes + Math.cos(radians(from.latitude)) * Math.cos(radians(to.latitude)) * longitudes;
  // Rounding may bring antipodes a hair above 1.
  return 2 * EARTH_RADIUS_METRES * Math.asin(Math.sqrt(Math.min(1, half)));
}

/** The direction in which the shortest way sets out: degrees clockwise from north, 0 up to but not including 360. */
export function bearingDegrees(from: Place, to: Place): number {
  const [south, north] = [radians(from.latitude), radians(to.latitude)];
  const east = radians(to.longitude - from.longitude);
  const y = Math.sin(east) * Math.cos(north);
  const x = Math.cos(south) * Math.sin(north) - Math.sin(south) * Math.cos(north) * Math.cos(east);
  return ((Math.atan2(y, x) * 180) / Math.PI + 360) % 360;
}
