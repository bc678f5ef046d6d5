// Owns which codecs the sections of the connection to the SFU offer, and in which order.

/** The codecs of pictures that one can ask for. */
export const CODECS = ["vp8", "h264", "vp9", "av1"] as const;

export type Codec = (typeof CODECS)[number];

export type CodecCapability = Pick<RTCRtpCodec, "mimeType" | "sdpFmtpLine">;

const nameOf = ({ mimeType }: CodecCapability): string => (mimeType.split("/")[1] ?? "").toLowerCase();

/**
 * Every picture codec in its common profiles, and retransmission, the wanted one first. Both ends of a call then meet in the same
 * profiles; and a pool repeats its codecs in every slot, so each line counts.
 */
export function selectCodecs<T extends CodecCapability>(codecs: readonly T[], wanted: Codec | null): T[] {
  const common = codecs.filter((codec) => {
    const name = nameOf(codec);
    const parameters = codec.sdpFmtpLine ?? "";
    switch (name) {
      case "vp8":
      case "rtx":
        return true;
      case "h264":
        // Constrained baseline and high, whole frames in fragments: what senders use.
        return /packetization-mode=1/.test(parameters) && /profile-level-id=(42e0|640c|6400)/i.test(parameters);
      case "vp9":
        return !/profile-id=[1-9]/.test(parameters);
      case "av1":
        return !/profile=[1-9]/.test(parameters);
      default:
        return false;
    }
  });
  const first = common.filter((codec) => nameOf(codec) === wanted);
  return [...first, ...common.filter((codec) => !first.includes(codec))];
}
