// Owns the page's addresses: what a URL asks for, and the URL of a room.

import type { Travel } from "../room/meeting";
import { CODECS } from "../rtc/sfu-codecs";
import { isRoomName } from "./room-name";

/** What the person wants, as the address says it. */
export type Route =
  | { readonly kind: "landing"; readonly refusedRoom: string | null }
  | { readonly kind: "room"; readonly room: string; readonly wishes: JoinWishes };

/** How to come into a room: the query and fragment of its link. */
export interface JoinWishes {
  readonly name: string | null;
  /** False: do not start the microphone. */
  readonly audio: boolean;
  /** False: do not start the camera. */
  readonly video: boolean;
  /** Skip the prejoin screen; needs a name. */
  readonly joinAtOnce: boolean;
  /** Takes a call over from another device. */
  readonly resumeToken: string | null;
  /** `path=sfu`: everything through the server; `codec=`: how to send pictures there. */
  readonly travel: Travel;
}

export const NO_DETOUR: Travel = { viaServer: false, codec: null };

/** Nothing special: both devices on, prejoin first. */
export const NO_WISHES: JoinWishes = {
  name: null,
  audio: true,
  video: true,
  joinAtOnce: false,
  resumeToken: null,
  travel: NO_DETOUR,
};

const ROOM_PATH = /^\/r\/([^/]*)\/?$/;

export function parseRoute(url: URL): Route {
  const encoded = ROOM_PATH.exec(url.pathname)?.[1];
  if (encoded === undefined || encoded === "") {
    return { kind: "landing", refusedRoom: null };
  }
  const room = decodeSegment(encoded);
  return isRoomName(room)
    ? { kind: "room", room, wishes: parseWishes(url) }
    : { kind: "landing", refusedRoom: room };
}

export function roomPath(room: string): string {
  return `/r/${room}`;
}

/** The link that brings others into the room, without anything of one's own. */
export function roomUrl(origin: string, room: string): string {
  return `${origin}${roomPath(room)}`;
}

function parseWishes(url: URL): JoinWishes {
  const query = url.searchParams;
  const name = query.get("name")?.trim() ?? "";
  const resumeToken = new URLSearchParams(url.hash.slice(1)).get("resume");
  return {
    name: name === "" ? null : name,
    audio: query.get("audio") !== "0",
    video: query.get("video") !== "0",
    // A handover always asks once: a call must not jump to a device because a link was opened.
    joinAtOnce: query.get("join") === "1" && name !== "" && resumeToken === null,
    resumeToken: resumeToken === "" ? null : resumeToken,
    travel: {
      viaServer: query.get("path") === "sfu",
      codec: CODECS.find((codec) => codec === query.get("codec")) ?? null,
    },
  };
}

function decodeSegment(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}
