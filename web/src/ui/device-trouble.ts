// Owns what is said when a microphone or camera cannot be used: what happened, and the one thing to do.

import { assertNever } from "../assert";
import type { DeviceState } from "../room/state";
import type { Words } from "./words/en";

/** The states that the person has to mend. */
export type Trouble = Extract<DeviceState, "blocked" | "missing" | "busy" | "insecure">;

export function findTrouble(state: DeviceState): Trouble | null {
  return state === "blocked" || state === "missing" || state === "busy" || state === "insecure" ? state : null;
}

/** Where a browser hides the switch that gives a device back. */
export type BrowserFamily = keyof Words["mendBlocked"];

export function recogniseBrowser(userAgent: string): BrowserFamily {
  // Every browser on iOS is Safari underneath, and iPads call themselves Macs but are not told apart here: the words fit both.
  if (/iPhone|iPad|iPod/.test(userAgent)) {
    return "ios";
  }
  if (userAgent.includes("Android")) {
    return "android";
  }
  if (userAgent.includes("Firefox/")) {
    return "firefox";
  }
  return userAgent.includes("Safari/") && !/Chrom(e|ium)\//.test(userAgent) ? "safari" : "chromium";
}

/** What to do about it. */
export function mend(trouble: Trouble, browser: BrowserFamily, w: Words): string {
  switch (trouble) {
    case "blocked":
      return w.mendBlocked[browser];
    case "missing":
      return w.mendMissing;
    case "busy":
      return w.mendBusy;
    case "insecure":
      return w.mendInsecure;
    default:
      return assertNever(trouble);
  }
}
