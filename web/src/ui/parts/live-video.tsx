// Owns one <video> element that plays a live stream, and what happens when the browser does not let it sound.

import { useEffect, useRef } from "preact/hooks";
import { soundHeld } from "./held-sound";

interface Props {
  readonly stream: MediaStream | null;
  /** For the own picture: never heard. */
  readonly silent?: boolean;
  readonly mirrored?: boolean;
  /** Covered by something else, e.g. an avatar; goes on sounding. */
  readonly covered?: boolean;
  /** Where it sounds; null: wherever the system says. */
  readonly speakerId?: string | null;
}

export function LiveVideo({ stream, silent = false, mirrored = false, covered = false, speakerId = null }: Props) {
  const video = useRef<HTMLVideoElement>(null);

  useEffect(() => {
    const element = video.current;
    if (element === null) {
      return undefined;
    }
    // Assigning the same stream again would make the picture flash.
    if (element.srcObject !== stream) {
      element.srcObject = stream;
    }
    if (stream === null) {
      return undefined;
    }
    return soundHeld.play(element);
  }, [stream]);

  useEffect(() => {
    const element = video.current;
    if (element === null || silent || !("setSinkId" in element)) {
      return;
    }
    // A speaker that was unplugged: the browser goes on with the one before.
    element.setSinkId(speakerId ?? "").catch(() => undefined);
  }, [speakerId, silent]);

  return (
    <video
      ref={video}
      class="live-video"
      autoplay
      playsInline
      muted={silent}
      data-mirrored={mirrored}
      data-covered={covered}
      disablePictureInPicture={silent}
    />
  );
}
