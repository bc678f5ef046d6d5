// Owns which way media takes to another member: directly where both can, else through the server.

import { CAPABILITY_SFU, CAPABILITY_WEBRTC, type Member } from "../protocol/types";

export type Reach = "direct" | "server" | "none";

type Able = Pick<Member, "capabilities">;

/** `server`: the server forwards media. */
export function reachOf(self: Able, other: Able, server: boolean): Reach {
  const both = (capability: string) => self.capabilities.includes(capability) && other.capabilities.includes(capability);
  if (both(CAPABILITY_WEBRTC)) {
    return "direct";
  }
  return server && both(CAPABILITY_SFU) ? "server" : "none";
}
