import { expect, test } from "vitest";
import { bearingDegrees, distanceMetres } from "./geo";

const PARIS = { latitude: 48.8566, longitude: 2.3522 };
const LONDON = { latitude: 51.5074, longitude: -0.1278 };
const BEIJING = { latitude: 39.9042, longitude: 116.4074 };
const SYDNEY = { latitude: -33.8688, longitude: 151.2093 };
const at = (latitude: number, longitude: number) => ({ latitude, longitude });

test.each([
  ["Paris to London", PARIS, LONDON, 343_556, 330.04],
  ["Beijing to Sydney", BEIJING, SYDNEY, 8_945_000, 151.5],
  ["a degree along the equator", at(0, 0), at(0, 1), 111_195, 90],
  ["a degree to the south", at(1, 7), at(0, 7), 111_195, 180],
  ["across the date line", at(0, 179.5), at(0, -179.5), 111_195, 90],
  ["across the date line, westward", at(0, -179.5), at(0, 179.5), 111_195, 270],
])("%s", (_name, from, to, metres, degrees) => {
  expect(Math.abs(distanceMetres(from, to) / metres - 1)).toBeLessThan(0.003);
  expect(bearingDegrees(from, to)).toBeCloseTo(degrees, 0);
});

test("the way back is as long, the same place is no way, antipodes are half the Earth", () => {
  expect(distanceMetres(LONDON, PARIS)).toBeCloseTo(distanceMetres(PARIS, LONDON), 6);
  expect(distanceMetres(PARIS, PARIS)).toBe(0);
  expect(distanceMetres(at(90, 0), at(-90, 0))).toBeCloseTo(20_015_114, 0);
});

test("a few metres are told apart", () => {
  expect(distanceMetres(at(52.52, 13.405), at(52.52001, 13.405))).toBeCloseTo(1.11, 2);
});

test("due north is 0, not 360", () => {
  expect(bearingDegrees(at(0, 10), at(5, 10))).toBe(0);
});
