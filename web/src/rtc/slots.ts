// Owns which media section of a link carries what: the first audio is the microphone, the first video the camera, the second
// video the screen, the second audio the screen's sound. The one who makes the first offer lays them out in this order.

export const SLOTS = ["microphone", "camera", "screen", "screenSound"] as const;

export type Slot = (typeof SLOTS)[number];

/** What this page sends, each null while there is none. */
export type Tracks = Readonly<Record<Slot, MediaStreamTrack | null>>;

export const NO_TRACKS: Tracks = { microphone: null, camera: null, screen: null, screenSound: null };

export function kindOf(slot: Slot): "audio" | "video" {
  return slot === "microphone" || slot === "screenSound" ? "audio" : "video";
}

/** The transceivers by what they carry. Another client may have laid out fewer; what comes after the fourth is nobody's. */
export function slotsOf(connection: RTCPeerConnection): ReadonlyMap<Slot, RTCRtpTransceiver> {
  const transceivers = connection.getTransceivers();
  const found = new Map<Slot, RTCRtpTransceiver>();
  for (const kind of ["audio", "video"] as const) {
    const slots = SLOTS.filter((slot) => kindOf(slot) === kind);
    const sections = transceivers.filter((transceiver) => transceiver.receiver.track.kind === kind);
    slots.forEach((slot, index) => {
      const section = sections[index];
      if (section !== undefined) {
        found.set(slot, section);
      }
    });
  }
  return found;
}
