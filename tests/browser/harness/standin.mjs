// Owns a stand-in for the server and its SFU, inside the page: it brings states about that a real one seldom has, and shows what the
// page makes of them. Its far end is a peer connection of the same browser, whose senders carry whatever a slot shall show.

/** Runs in the page before anything else. `others`: names of the members that are reached through it. */
export function standIn(others) {
  const NativeSocket = window.WebSocket;
  const NativePeer = window.RTCPeerConnection;
  const ids = new Map(others.map((name, index) => [name, (index + 0xb0).toString(16).padStart(16, "0")]));
  const quiet = { hand: false, muted: false, camera_off: false, sharing: false, away: false };
  const member = (id, name) => ({ id, name, epoch: 1, capabilities: ["sfu"], presence: quiet });
  const near = [];
  const pictures = new Map();
  let socket = null;
  let far = null;
  let revision = 0;
  let seq = 0;
  let answered = Promise.resolve();

  const say = (message) => {
    seq += 1;
    const frame = JSON.stringify({ seq, ...message });
    setTimeout(() => socket.onmessage?.({ data: frame }));
  };

  const here = {
    ids,
    /** Every message of the page, in order. */
    heard: [],
    presence: (name, change) => say({ type: "presence", from: ids.get(name), presence: { ...quiet, ...change } }),
    joined: (name) => {
      ids.set(name, (ids.size + 0xb0).toString(16).padStart(16, "0"));
      say({ type: "joined", version: 1, member: member(ids.get(name), name) });
    },
    state: (state) => say({ type: "sfu_state", revision, state }),
    /** Puts pictures into slots. `hue`: what the slot carries from now on; each beginning is a key frame. */
    assign: async (slots) => {
      await answered;
      const sections = far.getTransceivers().filter(({ direction, receiver }) => direction === "sendonly" && receiver.track.kind === "video");
      for (const { slot, hue } of slots) {
        if (hue !== undefined) {
          await sections[slot].sender.replaceTrack(paint(slot, hue));
        }
      }
      say({
        type: "sfu_slots",
        revision,
        slots: slots.map(({ slot, name, source = "camera", state = "live" }) => ({ mid: sections[slot].mid, participant: ids.get(name), source, state })),
      });
    },
    connections: () => near.filter(({ connectionState }) => connectionState !== "closed").length,
  };
  window.__standIn = here;

  /** A plain picture. Every one has a size of its own, so that an encoder begins with a key frame. */
  function paint(slot, hue) {
    pictures.get(slot)?.stop();
    const canvas = document.createElement("canvas");
    canvas.width = 320 + 16 * Math.round(hue / 20);
    canvas.height = 180;
    const context = canvas.getContext("2d");
    let drawn = 0;
    const timer = setInterval(() => {
      drawn += 1;
      context.fillStyle = `hsl(${hue} 90% ${48 + (drawn % 3)}%)`;
      context.fillRect(0, 0, canvas.width, canvas.height);
    }, 50);
    const [track] = canvas.captureStream(20).getVideoTracks();
    pictures.set(slot, {
      stop: () => {
        clearInterval(timer);
        track.stop();
      },
    });
    return track;
  }

  async function answer(offer) {
    if (offer.revision !== revision) {
      far?.close();
      revision = offer.revision;
      far = new NativePeer();
      far.onicecandidate = ({ candidate }) => candidate && near.at(-1).addIceCandidate(candidate).catch(() => undefined);
    }
    const sends = new Set(offer.sends.map(({ mid }) => mid));
    await far.setRemoteDescription({ type: "offer", sdp: offer.sdp });
    for (const section of far.getTransceivers()) {
      if (!sends.has(section.mid)) {
        section.direction = "sendonly";
      }
    }
    await far.setLocalDescription();
    say({ type: "sfu_answer", revision: offer.revision, sdp: far.localDescription.sdp });
  }

  function welcome() {
    const frame = JSON.stringify({
      type: "welcome",
      room: "room",
      self: member("00000000000000a1", "Ann"),
      roster: { version: 1, members: [...ids].map(([name, id]) => member(id, name)) },
      chat: [],
      ice: { ice_servers: [] },
      policy: { media: "auto", members_max: 64 },
      sfu: { slots_max: 64, port: 8443 },
      limits: { text_frame_bytes: 131072, chat_bytes: 8192, bus_bytes: 65536, frames_per_second: 100 },
      resume: { token: "stand-in", grace_ms: 30_000 },
      received: 0,
      now_ms: Date.now(),
    });
    setTimeout(() => socket.onmessage?.({ data: frame }));
  }

  window.RTCPeerConnection = class extends NativePeer {
    constructor(configuration) {
      super(configuration);
      near.push(this);
      // The page tells no candidates, as a server with a public address needs none; this far end has none.
      this.addEventListener("icecandidate", ({ candidate }) => candidate && far?.addIceCandidate(candidate).catch(() => undefined));
    }
  };

  window.WebSocket = class extends EventTarget {
    static OPEN = 1;
    readyState = 1;

    constructor(...args) {
      super();
      if (!String(args[0]).includes("/api/ws")) {
        return new NativeSocket(...args);
      }
      socket = this;
      setTimeout(() => this.onopen?.({}));
    }

    send(frame) {
      const message = JSON.parse(frame);
      here.heard.push(message);
      if (message.type === "hello") {
        welcome();
      } else if (message.type === "sfu_offer") {
        answered = answer(message);
      }
    }

    close() {
      this.readyState = 3;
    }
  };
}

/** Names and places of what the page asks for last. */
export function lastView(page) {
  return page.evaluate(() => {
    const names = new Map([...window.__standIn.ids].map(([name, id]) => [id, name]));
    const view = window.__standIn.heard.filter(({ type }) => type === "sfu_view").at(-1);
    return view?.videos.map(({ participant, source, ...rest }) => ({ name: names.get(participant), source, ...rest })) ?? null;
  });
}

/** The offers so far: revision and number of sections. */
export function offers(page) {
  return page.evaluate(() =>
    window.__standIn.heard.filter(({ type }) => type === "sfu_offer").map(({ revision, sdp, sends }) => ({ revision, sections: sdp.match(/^m=/gm).length, sends })),
  );
}

/** The hue of what a tile shows: null while its picture is covered or not there. */
export function shownHue(tile) {
  return tile.evaluate((figure) => {
    const video = figure.querySelector("video");
    return video === null ? null : window.__hueOf(video);
  });
}

/** Runs in the page: reads a video's hue, and watches a tile from one frame to the next for hues that it must not show. */
export function readHues() {
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = 8;
  const context = canvas.getContext("2d", { willReadFrequently: true });
  window.__hueOf = (video) => {
    if (video.dataset.covered === "true" || video.videoWidth === 0) {
      return null;
    }
    context.drawImage(video, 0, 0, 8, 8);
    const [red, green, blue] = context.getImageData(4, 4, 1, 1).data;
    const [max, min] = [Math.max(red, green, blue), Math.min(red, green, blue)];
    if (max === min) {
      return null;
    }
    const sector = max === red ? (green - blue) / (max - min) : max === green ? 2 + (blue - red) / (max - min) : 4 + (red - green) / (max - min);
    return Math.round((sector * 60 + 360) % 360);
  };
  window.__hues = new Map();
  const watch = () => {
    for (const figure of document.querySelectorAll("figure")) {
      const name = figure.getAttribute("aria-label");
      const video = figure.querySelector("video");
      const hue = video === null ? null : window.__hueOf(video);
      if (hue !== null) {
        window.__hues.set(name, [...(window.__hues.get(name) ?? []), hue].slice(-1000));
      }
    }
    requestAnimationFrame(watch);
  };
  requestAnimationFrame(watch);
}
