// Owns whether the own picture is shown as in a mirror.

/** People know their face from mirrors; what the back camera of a phone sees must read the right way round. */
export function isMirrored(stream: MediaStream | null): boolean {
  return stream?.getVideoTracks()[0]?.getSettings().facingMode !== "environment";
}
