// Owns the meter of the own microphone. It alone follows the level, so that nothing around it is drawn anew.

import type { Media } from "../../room/meeting";
import { words } from "../words/language";
import "./level-meter.css";

const BARS = [0.04, 0.16, 0.32, 0.52, 0.74];

export function LevelMeter({ media }: { media: Media }) {
  const { level, microphone } = media.state.value;
  const loudness = microphone === "on" ? level : 0;
  return (
    <span
      class="level-meter"
      role="meter"
      aria-label={words.value.microphoneLevel}
      aria-valuemin={0}
      aria-valuemax={100}
      aria-valuenow={Math.round(loudness * 100)}
    >
      {BARS.map((threshold) => (
        <span key={threshold} class="level-bar" data-lit={loudness > threshold} />
      ))}
    </span>
  );
}
