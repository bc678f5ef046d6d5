// Owns a running meeting: it wires session, links, media and state together, and does what the view asks.

import { computed, effect, signal as createSignal, untracked, type ReadonlySignal, type Signal } from "@preact/signals";
import { decodeServerFrame } from "../protocol/decode";
import {
  CAPABILITY_SFU,
  CAPABILITY_WEBRTC,
  type ClientMessage,
  type Member,
  type ParticipantId,
  type Position,
  type Presence,
  type Welcome,
} from "../protocol/types";
import { Levels } from "../rtc/levels";
import type { LinkEvents } from "../rtc/link";
import { Links } from "../rtc/links";
import { Sfu, type SfuWorld } from "../rtc/sfu";
import type { Tracks } from "../rtc/slots";
import { chooseSpeaker, joinSpeakers, type Speaker } from "../rtc/speaker";
import { Session, type SessionMessage, type Standing } from "../signaling/session";
import { browserWorld, type World } from "../signaling/world";
import { memoryOf, type Memory } from "../storage";
import type { JoinOptions, Meeting, Travel, Visible } from "./meeting";
import { initialModel, reduce, type Model, type RoomEvent } from "./reducer";
import type { LocalMedia, RoomState } from "./state";
import { unsentAfter } from "./unsent";
import { stayAwake } from "./wake";

const LEVEL_INTERVAL_MS = 250;

/** Joins a room; the meeting runs until it is left or the signal aborts. */
export function joinRoom(options: JoinOptions): Meeting {
  return new RunningMeeting(options, browserWorld(location.origin), memoryOf("session"));
}

class RunningMeeting implements Meeting {
  readonly state: ReadonlySignal<RoomState>;
  readonly #model: Signal<Model>;
  readonly #room: string;
  readonly #media: JoinOptions["media"];
  readonly #session: Session;
  readonly #travel: Travel;
  readonly #links: Links;
  readonly #sfu: Sfu;
  readonly #levels = new Levels<ParticipantId>();
  /** Ends everything that this meeting started. */
  readonly #over = new AbortController();
  #name: string;
  #presence: Presence;
  #token: string | null;
  #speaker: Speaker | null = null;
  /** Who speaks, as the server hears it. */
  #named: ParticipantId | null = null;
  #troublesTold: number;

  constructor(options: JoinOptions, world: World, memory: Memory) {
    const model = createSignal(initialModel(options.room));
    this.#model = model;
    this.state = computed(() => model.value.shown);
    this.#room = options.room;
    this.#name = options.name;
    this.#media = options.media;
    this.#token = options.resumeToken ?? memory.recall(this.#tokenKey);
    const media = options.media.state.peek();
    this.#presence = { hand: false, away: false, ...capturing(media) };
    this.#troublesTold = lastTrouble(media);
    this.#travel = options.travel;
    const news: Pick<LinkEvents, "status" | "received"> = {
      status: (participant, link) => {
        this.#apply({ kind: "link", participant, link });
      },
      received: (participant, received) => {
        this.#apply({ kind: "received", participant, received });
      },
    };
    this.#links = new Links(linkWorld(world), {
      send: (to, revision, signal) => {
        this.#send({ type: "signal", to, revision, signal });
      },
      ...news,
    });
    this.#sfu = new Sfu(linkWorld(world), { forced: options.travel.viaServer, codec: options.travel.codec }, {
      send: (message) => {
        this.#send(message);
      },
      bus: (frame) => {
        this.#handleDataFrame(frame);
      },
      ...news,
    });
    this.#session = new Session(world, () => this.#introduction(), this.#token, {
      standing: (standing) => {
        this.#handleStanding(standing);
      },
      welcomed: (welcome, lost) => {
        this.#handleWelcome(welcome, lost);
      },
      resumed: () => undefined,
      message: (message) => {
        this.#handleMessage(message);
      },
      bus: () => undefined,
      token: (token) => {
        this.#token = token;
        memory.remember(this.#tokenKey, token);
      },
    });
    this.#start(options.signal);
  }

  sendChat(text: string, to?: ParticipantId): void {
    if (this.#send({ type: "chat", text, ...(to === undefined ? {} : { to }) })) {
      this.#apply({ kind: "chat-queued", chat: { text, to: to ?? null } });
    } else {
      this.#apply({ kind: "notice", notice: { kind: "unsent", text } });
    }
  }

  setHand(raised: boolean): void {
    this.#setPresence({ hand: raised });
  }

  setAway(away: boolean): void {
    this.#setPresence({ away });
  }

  rename(name: string): void {
    this.#name = name;
    this.#send({ type: "rename", name });
  }

  sharePosition(position: Position | null): void {
    this.#send({ type: "location", position });
    this.#apply({ kind: "own-position", position });
  }

  showVideos(seen: readonly Visible[]): void {
    this.#sfu.show(seen);
  }

  hideCameras(participants: ReadonlySet<ParticipantId>): void {
    this.#links.setOutOfSight(participants);
  }

  retryLink(participant: ParticipantId): void {
    if (this.#sfu.reaches(participant)) {
      this.#sfu.retry();
    } else {
      this.#links.retry(participant);
    }
  }

  handoverUrl(): string | null {
    return this.#token === null ? null : `${location.origin}/r/${encodeURIComponent(this.#room)}#resume=${this.#token}`;
  }

  leave(): void {
    this.#session.leave();
  }

  get #tokenKey(): string {
    return `resume.${this.#room}`;
  }

  #introduction() {
    const capabilities = this.#travel.viaServer ? [CAPABILITY_SFU] : [CAPABILITY_WEBRTC, CAPABILITY_SFU];
    return { room: this.#room, name: this.#name, capabilities, presence: this.#presence };
  }

  #start(signal: AbortSignal): void {
    const over = this.#over.signal;
    const letGo = this.#media.hold();
    const forget = effect(() => {
      const media = this.#media.state.value;
      untracked(() => {
        this.#handleMedia(media);
      });
    });
    const timer = setInterval(() => {
      this.#measure();
    }, LEVEL_INTERVAL_MS);
    over.addEventListener("abort", () => {
      clearInterval(timer);
      forget();
      letGo();
      this.#session.abandon();
      this.#links.close();
      this.#sfu.close();
      this.#levels.close();
    });
    signal.addEventListener("abort", () => this.#over.abort(), { signal: over });
    stayAwake(over);
    const revive = () => {
      this.#session.nudge();
      this.#links.revive();
      this.#sfu.revive();
    };
    addEventListener("online", revive, { signal: over });
    networkOf(navigator)?.addEventListener("change", revive, { signal: over });
    document.addEventListener(
      "visibilitychange",
      () => {
        const visible = document.visibilityState === "visible";
        this.#sfu.setHidden(!visible);
        if (visible) {
          this.#session.nudge();
        }
      },
      { signal: over },
    );
    if (signal.aborted) {
      this.#over.abort();
    } else {
      this.#session.start();
    }
  }

  #apply(event: RoomEvent): void {
    this.#model.value = reduce(this.#model.peek(), event);
  }

  /** False when too much waits to be sent. Whatever is not chat is told anew with the next welcome. */
  #send(message: ClientMessage): boolean {
    return this.#session.send(message);
  }

  #handleStanding(standing: Standing): void {
    this.#apply({ kind: "connection", connection: standing });
    if (standing.kind === "ended") {
      this.#over.abort();
    } else {
      this.#links.setSignaling(standing.kind === "connected");
      this.#sfu.setSignaling(standing.kind === "connected");
    }
  }

  #handleWelcome(welcome: Welcome, lost: readonly ClientMessage[]): void {
    const { self, chat, position } = this.state.peek();
    const unsent = unsentAfter(welcome, lost, { self, chat });
    this.#apply({ kind: "welcome", welcome, unsent });
    // What changed since the hello was in neither.
    this.#tellPresence(welcome.self.presence);
    this.#named = null;
    this.#links.welcome(welcome);
    this.#sfu.welcome(welcome);
    for (const { text, to } of unsent) {
      this.#send({ type: "chat", text, ...(to === null ? {} : { to }) });
    }
    if (position !== null) {
      this.sharePosition(position);
    }
  }

  #handleMessage(message: SessionMessage): void {
    this.#apply({ kind: "message", message });
    switch (message.type) {
      case "joined":
        this.#noteMember(message.member, "joined");
        return;
      case "left":
        this.#links.left(message.participant);
        this.#sfu.left(message.participant);
        return;
      case "changed":
        this.#noteMember(message.member, "changed");
        return;
      case "signal":
        this.#links.signal(message.from, message.revision, message.signal);
        return;
      case "ice_servers":
        this.#links.iceServers(message.ice_servers);
        return;
      case "sfu_answer":
      case "sfu_slots":
      case "sfu_sends":
      case "sfu_state":
        this.#sfu.handle(message);
        return;
      case "sfu_speakers":
        this.#named = message.speaking.find((id) => id === message.dominant) ?? null;
        return;
      case "error":
        if (message.id?.startsWith("sfu_offer-") === true) {
          this.#sfu.refused();
        }
        return;
      case "presence":
      case "location":
      case "chat":
      case "bus":
      case "sfu_quality":
        return;
    }
  }

  #noteMember(member: Member, what: "joined" | "changed"): void {
    this.#links[what](member);
    this.#sfu[what](member);
  }

  /** A data channel carries bus messages only, as the WebSocket does. */
  #handleDataFrame(frame: string | Uint8Array): void {
    const decoded = typeof frame === "string" ? decodeServerFrame(frame) : null;
    if (decoded?.kind === "frame" && decoded.frame.message.type === "bus") {
      this.#handleMessage(decoded.frame.message);
    }
  }

  #handleMedia(media: LocalMedia): void {
    this.#links.setTracks(tracksOf(media));
    this.#sfu.setTracks(tracksOf(media));
    this.#setPresence(capturing(media));
    for (const { number, kind, label } of media.troubles) {
      if (number > this.#troublesTold) {
        this.#troublesTold = number;
        this.#apply({ kind: "notice", notice: { kind, text: label } });
      }
    }
  }

  #setPresence(change: Partial<Presence>): void {
    const before = this.#presence;
    this.#presence = { ...before, ...change };
    // Before the welcome, the hello says it.
    if (this.state.peek().self !== null) {
      this.#tellPresence(before);
    }
  }

  /** Tells what has changed since the server was told `before`. */
  #tellPresence(before: Presence): void {
    const presence = this.#presence;
    const keys = Object.keys(presence) as (keyof Presence)[];
    const changed = keys.filter((key) => before[key] !== presence[key]);
    if (changed.length > 0) {
      this.#apply({ kind: "own-presence", presence });
      this.#send({ type: "presence", ...Object.fromEntries(changed.map((key) => [key, presence[key]])) });
    }
  }

  #measure(): void {
    const direct = this.#links.sounds();
    this.#levels.listen(new Map([...direct, ...this.#sfu.sounds()]));
    const levels = this.#levels.read();
    const heard = new Map([...levels].filter(([id]) => direct.has(id)));
    this.#speaker = chooseSpeaker(this.#speaker, heard, performance.now());
    const named = this.#named !== null && this.#sfu.reaches(this.#named) ? this.#named : null;
    this.#apply({ kind: "levels", levels, speaker: joinSpeakers(this.#speaker?.id ?? null, named, levels) });
  }
}

/** Tells when the device changes from one network to another; not in every browser. */
function networkOf(navigator: Navigator): EventTarget | undefined {
  return (navigator as Navigator & { readonly connection?: EventTarget }).connection;
}

function linkWorld(world: World): SfuWorld {
  return {
    random: () => world.random(),
    connect: (configuration) => new RTCPeerConnection(configuration),
    nowMs: () => world.nowMs(),
    after: (delayMs, task) => world.after(delayMs, task),
  };
}

function tracksOf(media: LocalMedia): Tracks {
  return {
    microphone: media.microphoneStream?.getAudioTracks()[0] ?? null,
    camera: media.cameraStream?.getVideoTracks()[0] ?? null,
    screen: media.screenStream?.getVideoTracks()[0] ?? null,
    screenSound: media.screenStream?.getAudioTracks()[0] ?? null,
  };
}

function capturing(media: LocalMedia): Pick<Presence, "muted" | "camera_off" | "sharing"> {
  return { muted: media.microphone !== "on", camera_off: media.camera !== "on", sharing: media.sharing };
}

function lastTrouble(media: LocalMedia): number {
  return media.troubles[media.troubles.length - 1]?.number ?? 0;
}
