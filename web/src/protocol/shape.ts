// Owns how an unknown value is held to a shape: small readers that throw a ShapeError with the path of what is wrong.

/** A value does not have the shape that the wire format gives it. */
export class ShapeError extends Error {
  override readonly name = "ShapeError";
}

/** Turns an unknown value into a T, or throws a ShapeError. */
export type Reader<T> = (value: unknown, path: string) => T;

/** A JSON object whose fields have not been looked at. */
export type Fields = Readonly<Record<string, unknown>>;

const HEX_ID = /^(?!0{16})[0-9a-f]{16}$/;

function refuse(path: string, wanted: string): never {
  throw new ShapeError(`${path}: ${wanted} expected`);
}

export const text: Reader<string> = (value, path) => (typeof value === "string" ? value : refuse(path, "text"));

export const flag: Reader<boolean> = (value, path) => (typeof value === "boolean" ? value : refuse(path, "true or false"));

/** A whole number from 0 to 2^53 - 1. */
export const count: Reader<number> = (value, path) =>
  typeof value === "number" && Number.isSafeInteger(value) && value >= 0 ? value : refuse(path, "a whole number");

export const participantId: Reader<string> = (value, path) =>
  typeof value === "string" && HEX_ID.test(value) ? value : refuse(path, "16 hexadecimal digits");

export const anything: Reader<unknown> = (value, path) => (value === undefined ? refuse(path, "a value") : value);

/** A finite number within a range. */
export function between(low: number, high: number): Reader<number> {
  return (value, path) =>
    typeof value === "number" && value >= low && value <= high ? value : refuse(path, `${String(low)} to ${String(high)}`);
}

/** One of a few words. */
export function word<const T extends string>(words: readonly T[]): Reader<T> {
  return (value, path) => words.find((known) => known === value) ?? refuse(path, words.join(" or "));
}

export function list<T>(item: Reader<T>): Reader<readonly T[]> {
  return (value, path) =>
    Array.isArray(value)
      ? value.map((element: unknown, index) => item(element, `${path}[${String(index)}]`))
      : refuse(path, "a list");
}

export function nullable<T>(inner: Reader<T>): Reader<T | null> {
  return (value, path) => (value === null ? null : inner(value, path));
}

export function fields(value: unknown, path: string): Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Fields) : refuse(path, "an object");
}

/** The field of that name, which must be there. */
export function need<T>(object: Fields, path: string, name: string, reader: Reader<T>): T {
  return reader(object[name], `${path}.${name}`);
}

/** The field of that name as an object to spread, empty when it is absent or null. */
export function maybe<K extends string, T>(object: Fields, path: string, name: K, reader: Reader<T>): Partial<Record<K, T>> {
  const value = object[name];
  if (value === undefined || value === null) {
    return {};
  }
  return { [name]: reader(value, `${path}.${name}`) } as Record<K, T>;
}
