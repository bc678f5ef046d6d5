// Owns where the person is (start page, prejoin, room, end) and the way from one to the next.

import { effect, signal, type ReadonlySignal } from "@preact/signals";
import type { JoinOptions, Media, Meeting, Travel } from "../room/meeting";
import type { EndReason } from "../room/state";
import { findDisplayNameFault } from "./display-name";
import { NO_DETOUR, NO_WISHES, parseRoute, roomPath, type JoinWishes } from "./route";

export type Place =
  | { readonly kind: "landing"; readonly refusedRoom: string | null }
  | { readonly kind: "prejoin"; readonly room: string; readonly media: Media; readonly wishes: JoinWishes }
  | { readonly kind: "room"; readonly room: string; readonly media: Media; readonly meeting: Meeting; readonly name: string }
  | { readonly kind: "ended"; readonly room: string; readonly reason: EndReason };

/** The world outside the view. */
export interface Doors {
  readonly createMedia: () => Media;
  readonly joinRoom: (options: JoinOptions) => Meeting;
  /** The address bar. */
  readonly address: {
    readonly read: () => URL;
    readonly push: (path: string) => void;
    readonly replace: (path: string) => void;
  };
  readonly recallName: () => string;
  readonly rememberName: (name: string) => void;
}

export interface Journey {
  readonly place: ReadonlySignal<Place>;
  /** The name to begin with. */
  readonly name: () => string;
  /** From the start page to a room's prejoin. */
  readonly enter: (room: string) => void;
  /** From prejoin into the room. */
  readonly join: (name: string) => void;
  /** The person has another name from now on. */
  readonly renamed: (name: string) => void;
  readonly leave: () => void;
  /** From the end back into the room, with the devices as they were. */
  readonly rejoin: () => void;
  /** From the end to prejoin, e.g. for another name. */
  readonly prepare: () => void;
  readonly home: () => void;
  /** The address changed under the page: back and forward. */
  readonly follow: () => void;
}

export function createJourney(doors: Doors): Journey {
  const place = signal<Place>({ kind: "landing", refusedRoom: null });
  let media: Media | null = null;
  let devicesAtEnd = { microphone: true, camera: true };
  let nameInRoom = "";
  let travel: Travel = NO_DETOUR;
  let endMeeting: (() => void) | null = null;

  const useMedia = (): Media => (media ??= doors.createMedia());

  const startDevices = (microphone: boolean, camera: boolean) => {
    const own = useMedia();
    void own.refresh();
    if (microphone) {
      void own.setMicrophone(true);
    }
    if (camera) {
      void own.setCamera(true);
    }
  };

  const devicesNow = () => {
    const { microphone, camera } = useMedia().state.value;
    return { microphone: microphone === "on" || microphone === "starting", camera: camera === "on" || camera === "starting" };
  };

  const stopDevices = () => {
    if (media === null) {
      return;
    }
    media.stopSharing();
    void media.setMicrophone(false);
    void media.setCamera(false);
  };

  const goToPrejoin = (room: string, wishes: JoinWishes) => {
    startDevices(wishes.audio, wishes.video);
    place.value = { kind: "prejoin", room, media: useMedia(), wishes };
  };

  const goToRoom = (room: string, name: string, resumeToken: string | null) => {
    const abort = new AbortController();
    nameInRoom = name;
    const meeting = doors.joinRoom({
      room,
      name,
      media: useMedia(),
      travel,
      signal: abort.signal,
      ...(resumeToken === null ? {} : { resumeToken }),
    });
    place.value = { kind: "room", room, media: useMedia(), meeting, name };
    const stopWatching = effect(() => {
      const { connection } = meeting.state.value;
      if (connection.kind !== "ended") {
        // The meeting lets go of the devices when it ends; how they were has to be known from before.
        devicesAtEnd = devicesNow();
      } else {
        // Not within the effect: what follows reads and writes other signals.
        queueMicrotask(() => goToEnd(room, connection.reason));
      }
    });
    endMeeting = () => {
      endMeeting = null;
      stopWatching();
      abort.abort();
    };
  };

  const goToEnd = (room: string, reason: EndReason) => {
    if (endMeeting === null) {
      return;
    }
    endMeeting();
    stopDevices();
    place.value = { kind: "ended", room, reason };
  };

  const leave = () => {
    const here = place.peek();
    if (here.kind === "room") {
      devicesAtEnd = devicesNow();
      here.meeting.leave();
      goToEnd(here.room, { kind: "left" });
    }
  };

  const follow = () => {
    leave();
    const route = parseRoute(doors.address.read());
    if (route.kind === "landing") {
      stopDevices();
      place.value = route;
      return;
    }
    const { room, wishes } = route;
    travel = wishes.travel;
    if (wishes.resumeToken !== null) {
      // The token speaks for the person: it must not stay in the address bar or the history.
      doors.address.replace(roomPath(room));
    }
    const name = wishes.name;
    if (wishes.joinAtOnce && name !== null && findDisplayNameFault(name) === null) {
      startDevices(wishes.audio, wishes.video);
      goToRoom(room, name, null);
    } else {
      goToPrejoin(room, wishes);
    }
  };

  return {
    place,
    name: () => {
      const here = place.peek();
      return (here.kind === "prejoin" ? here.wishes.name : null) ?? doors.recallName();
    },
    enter: (room) => {
      travel = NO_DETOUR;
      doors.address.push(roomPath(room));
      goToPrejoin(room, NO_WISHES);
    },
    join: (name) => {
      const here = place.peek();
      if (here.kind === "prejoin") {
        doors.rememberName(name);
        goToRoom(here.room, name, here.wishes.resumeToken);
      }
    },
    renamed: (name) => {
      nameInRoom = name;
      doors.rememberName(name);
    },
    leave,
    rejoin: () => {
      const here = place.peek();
      if (here.kind === "ended") {
        startDevices(devicesAtEnd.microphone, devicesAtEnd.camera);
        goToRoom(here.room, nameInRoom, null);
      }
    },
    prepare: () => {
      const here = place.peek();
      if (here.kind === "ended") {
        goToPrejoin(here.room, NO_WISHES);
      }
    },
    home: () => {
      leave();
      stopDevices();
      doors.address.push("/");
      place.value = { kind: "landing", refusedRoom: null };
    },
    follow,
  };
}
