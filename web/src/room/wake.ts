// Owns the wake lock: a phone's screen stays on during a call.

/** Holds the lock whenever the page can be seen, until the signal aborts. */
export function stayAwake(signal: AbortSignal): void {
  // Absent in some browsers, whatever the types say.
  if (!("wakeLock" in navigator)) {
    return;
  }
  let held: Promise<WakeLockSentinel | null> = Promise.resolve(null);
  const request = () => {
    if (document.visibilityState === "visible" && !signal.aborted) {
      // Refused on a low battery: then the screen goes off as always.
      held = navigator.wakeLock.request("screen").catch(() => null);
    }
  };
  // The browser drops the lock whenever the page is hidden.
  document.addEventListener("visibilitychange", request, { signal });
  signal.addEventListener("abort", () => {
    void held.then((lock) => lock?.release());
  });
  request();
}
