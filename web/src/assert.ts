// Owns the end of every switch over a union.

/** Fails to compile when a case is missing. */
export function assertNever(value: never): never {
  throw new Error(`unexpected ${JSON.stringify(value)}`);
}
