// Owns the offers that a page makes to the SFU, in any browser: functions that run inside a page.

/** The offers that are worth keeping: the codec of the pictures, and how many slots for pictures. `codec: null` leaves every choice to the browser. */
export const OFFERS = {
  simulcast: { codec: "vp8", pictures: 9 },
  scalable: { codec: "vp9", pictures: 3 },
  av1: { codec: "av1", pictures: 3 },
  h264: { codec: "h264", pictures: 3 },
  unchosen: { codec: null, pictures: 6 },
  "one stream": { codec: "vp8", pictures: 1, encodings: [] },
};

/** Runs in the page: makes a connection as the page does, keeps it as `window.offering`, resolves with the text of its offer, gathered. */
export async function makeOffer({ codec, pictures, encodings }) {
  window.offering?.close();
  const connection = new RTCPeerConnection({ bundlePolicy: "max-bundle" });
  window.offering = connection;
  connection.createDataChannel("bus");
  const media = await navigator.mediaDevices.getUserMedia({ audio: true, video: true });
  const simulcast = [
    { rid: "q", scaleResolutionDownBy: 4, maxBitrate: 150_000 },
    { rid: "h", scaleResolutionDownBy: 2, maxBitrate: 500_000 },
    { rid: "f", scaleResolutionDownBy: 1, maxBitrate: 1_700_000 },
  ];
  const scalable = [{ scalabilityMode: "L3T3_KEY", maxBitrate: 1_500_000 }];
  const camera = encodings ?? (codec === "vp9" || codec === "av1" ? scalable : simulcast);
  const prefer = (section, capabilities) => {
    if (codec === null) {
      return;
    }
    const name = ({ mimeType }) => mimeType.split("/")[1].toLowerCase();
    const known = capabilities.codecs.filter((one) => ["vp8", "vp9", "h264", "av1", "rtx"].includes(name(one)));
    section.setCodecPreferences([...known.filter((one) => name(one) === codec), ...known.filter((one) => name(one) !== codec)]);
    const extensions = section.getHeaderExtensionsToNegotiate?.() ?? [];
    for (const extension of extensions) {
      if (extension.uri.includes("dependency-descriptor")) {
        extension.direction = "sendrecv";
      }
    }
    section.setHeaderExtensionsToNegotiate?.(extensions);
  };
  connection.addTransceiver(media.getAudioTracks()[0], { direction: "sendonly" });
  prefer(
    connection.addTransceiver(media.getVideoTracks()[0], { direction: "sendonly", sendEncodings: camera }),
    RTCRtpSender.getCapabilities("video"),
  );
  prefer(
    connection.addTransceiver("video", { direction: "sendonly", sendEncodings: [{ scalabilityMode: "L1T3" }] }),
    RTCRtpSender.getCapabilities("video"),
  );
  connection.addTransceiver("audio", { direction: "sendonly" });
  for (let index = 0; index < 3; index += 1) {
    connection.addTransceiver("audio", { direction: "recvonly" });
  }
  for (let index = 0; index < pictures; index += 1) {
    prefer(connection.addTransceiver("video", { direction: "recvonly" }), RTCRtpReceiver.getCapabilities("video"));
  }
  return window.offerAgain();
}

/** Runs in the page: the next offer of the same connection, once its candidates are gathered, for as long as that takes at most. */
export function installOfferAgain() {
  window.offerAgain = async (options) => {
    const connection = window.offering;
    await connection.setLocalDescription(await connection.createOffer(options));
    if (connection.iceGatheringState !== "complete") {
      await new Promise((resolve) => {
        connection.addEventListener("icegatheringstatechange", () => connection.iceGatheringState === "complete" && resolve());
        setTimeout(resolve, 5_000);
      });
    }
    return connection.localDescription.sdp;
  };
}

/** Runs in the page: takes the answer, and says of each section what became of it. */
export async function takeAnswer(sdp) {
  const connection = window.offering;
  await connection.setRemoteDescription({ type: "answer", sdp });
  return connection.getTransceivers().map(({ mid, currentDirection, sender, receiver }) => ({
    mid,
    kind: receiver.track.kind,
    direction: currentDirection,
    rids: sender.getParameters().encodings.map(({ rid }) => rid ?? null),
    codecs: (currentDirection === "sendonly" ? sender : receiver).getParameters().codecs.map(({ mimeType }) => mimeType),
    stream: receiver.track.id,
  }));
}
