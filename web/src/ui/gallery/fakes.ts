// Owns stand-ins for a meeting and for this device's media: they do at once what they are asked, without any server.

import { signal, type Signal } from "@preact/signals";
import type { Member, Position } from "../../protocol/types";
import type { Media, Meeting } from "../../room/meeting";
import type { LocalMedia, Participant, RoomState } from "../../room/state";
import { paintFace, paintScreen } from "./pictures";

export const QUIET = { hand: false, muted: false, camera_off: false, sharing: false, away: false };

export function fakeMember(id: string, name: string, presence: Partial<Member["presence"]> = {}, position?: Position): Member {
  return {
    id,
    name,
    epoch: 1,
    capabilities: ["webrtc"],
    presence: { ...QUIET, ...presence },
    ...(position === undefined ? {} : { position }),
  };
}

export function fakeParticipant(member: Member, rest: Partial<Omit<Participant, "member">> = {}): Participant {
  return {
    member,
    reach: "direct",
    link: { state: "connected", path: "direct", rttMs: 23 },
    camera: null,
    screen: null,
    cameraLive: true,
    screenLive: true,
    cameraStanding: "live",
    screenStanding: "live",
    quality: null,
    level: 0,
    ...rest,
  };
}

const DEVICES: LocalMedia["devices"] = [
  { id: "m1", kind: "audioinput", label: "Built-in microphone" },
  { id: "m2", kind: "audioinput", label: "USB headset with an uncommonly long name (Analog Stereo)" },
  { id: "c1", kind: "videoinput", label: "Built-in camera" },
  { id: "c2", kind: "videoinput", label: "" },
  { id: "s1", kind: "audiooutput", label: "Built-in speakers" },
];

export function fakeMedia(start: Partial<LocalMedia> = {}): Media {
  const state = signal<LocalMedia>({
    microphone: "off",
    camera: "off",
    sharing: false,
    microphoneStream: null,
    cameraStream: null,
    screenStream: null,
    devices: DEVICES,
    microphoneId: "m1",
    cameraId: "c1",
    speakerId: null,
    level: 0,
    troubles: [],
    ...start,
  });
  const change = (changes: Partial<LocalMedia>) => {
    state.value = { ...state.peek(), ...changes };
  };
  const soon = (changes: Partial<LocalMedia>) => {
    change(changes);
    return Promise.resolve();
  };
  const fixed = (device: "microphone" | "camera") => start[device] !== undefined && start[device] !== "on";
  return {
    state,
    setMicrophone: (on) => {
      if (!fixed("microphone")) {
        change({ microphone: on ? "on" : "off", level: on ? 0.55 : 0 });
      }
      return Promise.resolve();
    },
    setCamera: (on) => {
      if (!fixed("camera")) {
        change({ camera: on ? "on" : "off", cameraStream: on ? paintFace(205) : null });
      }
      return Promise.resolve();
    },
    chooseMicrophone: (microphoneId) => soon({ microphoneId }),
    chooseCamera: (cameraId) => soon({ cameraId }),
    chooseSpeaker: (speakerId) => change({ speakerId }),
    switchCamera: () => Promise.resolve(),
    startSharing: () => soon({ sharing: true, screenStream: paintScreen() }),
    stopSharing: () => change({ sharing: false, screenStream: null }),
    refresh: () => Promise.resolve(),
    hold: () => () => undefined,
  };
}

export function fakeMeeting(state: Signal<RoomState>): Meeting {
  const change = (changes: Partial<RoomState>) => {
    state.value = { ...state.peek(), ...changes };
  };
  const changeSelf = (changes: Partial<Member>) => {
    const { self } = state.peek();
    if (self !== null) {
      change({ self: { ...self, ...changes } });
    }
  };
  return {
    state,
    sendChat: (text, to) => {
      const { chat, self } = state.peek();
      const message = { number: chat.length + 1, from: self?.id ?? "", name: self?.name ?? "", at_ms: Date.now(), text };
      change({ chat: [...chat, to === undefined ? message : { ...message, to }] });
    },
    setHand: (hand) => changeSelf({ presence: { ...(state.peek().self?.presence ?? QUIET), hand } }),
    setAway: (away) => changeSelf({ presence: { ...(state.peek().self?.presence ?? QUIET), away } }),
    rename: (name) => changeSelf({ name }),
    sharePosition: (position) => change({ position }),
    showVideos: () => undefined,
    hideCameras: () => undefined,
    retryLink: (id) =>
      change({
        participants: state.peek().participants.map((participant) =>
          participant.member.id === id
            ? { ...participant, link: { state: "connecting", path: null, rttMs: null } }
            : participant,
        ),
      }),
    handoverUrl: () => `${location.origin}/r/${state.peek().room}#resume=4f1c0de5a9b84e0f9a1d7c55e2b7a0c3`,
    leave: () => change({ connection: { kind: "ended", reason: { kind: "left" } } }),
  };
}
