// Owns that the screen stays on during a call.

import { useEffect } from "preact/hooks";

export function useWakeLock(): void {
  useEffect(() => {
    if (!("wakeLock" in navigator)) {
      return undefined;
    }
    let sentinel: WakeLockSentinel | null = null;
    let over = false;

    const request = async () => {
      if (document.visibilityState !== "visible" || over) {
        return;
      }
      try {
        const granted = await navigator.wakeLock.request("screen");
        // The call may have ended while the browser thought about it.
        if (over) {
          await granted.release();
        } else {
          sentinel = granted;
        }
      } catch {
        // Refused, e.g. on a low battery: the screen may go dark, the call goes on.
      }
    };
    // A page that was out of sight has lost its lock.
    const onVisible = () => void request();
    void request();
    document.addEventListener("visibilitychange", onVisible);
    return () => {
      over = true;
      document.removeEventListener("visibilitychange", onVisible);
      sentinel?.release().catch(() => undefined);
    };
  }, []);
}
