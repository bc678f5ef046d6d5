// Owns the sections of the connection to the SFU: four that send, and a pool of slots that receive. Who sits in a slot changes
// without a new description.

import { encodingsFor } from "./sfu-encodings";
import { selectCodecs, type Codec } from "./sfu-codecs";
import { kindOf, SLOTS, type Slot } from "./slots";

/** The loudest three are heard. */
const SOUND_SLOTS = 3;
/** The sizes of the pool of pictures. The last one is what a description of 64 KiB holds in every browser. */
const POOL_SIZES = [9, 16, 25] as const;

const DEPENDENCY_DESCRIPTOR = "https://aomediacodec.github.io/av1-rtp-spec/#dependency-descriptor-rtp-header-extension";
/** What the SFU carries; others would only make the description longer. */
const EXTENSIONS: readonly string[] = [
  DEPENDENCY_DESCRIPTOR,
  "urn:ietf:params:rtp-hdrext:sdes:mid",
  "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id",
  "urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id",
  "urn:ietf:params:rtp-hdrext:ssrc-audio-level",
  "urn:3gpp:video-orientation",
  "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01",
  "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time",
  "http://www.webrtc.org/experiments/rtp-hdrext/playout-delay",
];

/** How many slots the pool has when so many pictures are shown; it never shrinks. */
export function poolFor(shown: number, before: number, slotsMax: number): number {
  const size = POOL_SIZES.find((size) => size >= shown) ?? POOL_SIZES[POOL_SIZES.length - 1] ?? shown;
  return Math.max(before, Math.min(size, slotsMax));
}

export class SfuSections {
  readonly sends: ReadonlyMap<Slot, RTCRtpTransceiver>;
  readonly #connection: RTCPeerConnection;
  readonly #received: RTCRtpTransceiver[] = [];
  #pictures = 0;

  constructor(connection: RTCPeerConnection, codec: Codec | null) {
    this.#connection = connection;
    this.sends = new Map(SLOTS.map((slot) => [slot, this.#addSend(slot, codec)]));
    for (let index = 0; index < SOUND_SLOTS; index += 1) {
      this.#received.push(connection.addTransceiver("audio", { direction: "recvonly" }));
    }
  }

  /** Slots for pictures. */
  get pool(): number {
    return this.#pictures;
  }

  /** Makes the pool that large; true when it had to grow. */
  grow(pool: number): boolean {
    const grows = pool > this.#pictures;
    while (this.#pictures < pool) {
      const slot = this.#connection.addTransceiver("video", { direction: "recvonly" });
      preferCodecs(slot, RTCRtpReceiver.getCapabilities("video"), null);
      chooseExtensions(slot);
      this.#received.push(slot);
      this.#pictures += 1;
    }
    return grows;
  }

  /** What arrives in a slot; null for a section that is none. */
  trackOf(mid: string): MediaStreamTrack | null {
    return this.#received.find((slot) => slot.mid === mid)?.receiver.track ?? null;
  }

  senderOf(mid: string): RTCRtpSender | null {
    return [...this.sends.values()].find((section) => section.mid === mid)?.sender ?? null;
  }

  #addSend(slot: Slot, codec: Codec | null): RTCRtpTransceiver {
    const sendEncodings = encodingsFor(slot, codec);
    const section = this.#connection.addTransceiver(kindOf(slot), { direction: "sendonly", sendEncodings });
    if (kindOf(slot) === "video") {
      preferCodecs(section, RTCRtpSender.getCapabilities("video"), codec);
    }
    chooseExtensions(section);
    return section;
  }
}

function preferCodecs(section: RTCRtpTransceiver, capabilities: RTCRtpCapabilities | null, codec: Codec | null): void {
  try {
    section.setCodecPreferences(selectCodecs(capabilities?.codecs ?? [], codec));
  } catch (error) {
    // Then the browser offers all that it has, in its own order.
    console.debug("codecs", error);
  }
}

/** Not in every browser; without it the description is longer, and layers of AV1 cannot be told apart. */
interface Extensible {
  getHeaderExtensionsToNegotiate?(): { uri: string; direction: string }[];
  setHeaderExtensionsToNegotiate?(extensions: { uri: string; direction: string }[]): void;
}

function chooseExtensions(section: RTCRtpTransceiver): void {
  const extensible = section as Extensible;
  const known = extensible.getHeaderExtensionsToNegotiate?.() ?? [];
  for (const extension of known) {
    if (!EXTENSIONS.includes(extension.uri)) {
      extension.direction = "stopped";
    } else if (extension.uri === DEPENDENCY_DESCRIPTOR) {
      extension.direction = "sendrecv";
    }
  }
  try {
    extensible.setHeaderExtensionsToNegotiate?.(known);
  } catch (error) {
    console.debug("header extensions", error);
  }
}
