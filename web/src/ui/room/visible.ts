// Owns which pictures of others are in sight, in order of importance and in device pixels, and which are not: what others have to send.

import type { ParticipantId } from "../../protocol/types";
import type { Visible } from "../../room/meeting";
import type { Participant } from "../../room/state";
import type { Arrangement, Role, TileKey } from "./arrangement";

interface Sight {
  readonly arrangement: Pick<Arrangement, "placements">;
  readonly participants: readonly Participant[];
  readonly pinned: TileKey | null;
  readonly speaker: ParticipantId | null;
  /** Device pixels for one of the page's. */
  readonly scale: number;
}

/** Only of those who are reached through the server, and only what they say that they send. */
export function listVisible({ arrangement, participants, pinned, speaker, scale }: Sight): readonly Visible[] {
  const found: (Visible & { readonly weight: number })[] = [];
  for (const { member, reach } of participants) {
    const sends = { camera: !member.presence.camera_off, screen: member.presence.sharing };
    for (const source of ["screen", "camera"] as const) {
      const key: TileKey = `${source}:${member.id}`;
      const placement = arrangement.placements.get(key);
      if (reach !== "server" || !sends[source] || placement === undefined || placement.role === "elsewhere") {
        continue;
      }
      const { width, height } = placement.rect;
      found.push({
        participant: member.id,
        source,
        width: Math.round(width * scale),
        height: Math.round(height * scale),
        pinned: key === pinned,
        weight: weigh(placement.role, source === "camera" && member.id === speaker),
      });
    }
  }
  // The order within one weight is that of coming, so that it does not flutter.
  found.sort((a, b) => b.weight - a.weight);
  return found.map(({ participant, source, width, height, pinned }) => ({ participant, source, width, height, pinned }));
}

/** Those whose cameras are out of sight. */
export function listHidden({ placements }: Pick<Arrangement, "placements">, participants: readonly Participant[]): readonly ParticipantId[] {
  return participants.map(({ member }) => member.id).filter((id) => placements.get(`camera:${id}`)?.role === "elsewhere");
}

function weigh(role: Role, speaks: boolean): number {
  if (role === "large") {
    return 2;
  }
  return speaks ? 1 : 0;
}
