// Owns what the test people look and sound like: a picture (y4m) and a voice (WAV) for each, made once and read by the browsers as
// camera and microphone. Everyone has a colour of background and a tone of voice of their own, so that a receiver can tell them.

import { existsSync, mkdirSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ARTEFACTS } from "./paths.mjs";

/** @typedef {{name: string, toneHz: number, background: [number, number, number], skin: [number, number, number], shirt: [number, number, number]}} Face */

/** No tone is a harmonic of another or of the headless peer's. @type {Record<string, Face>} */
export const FACES = {
  ann: { name: "Ann", toneHz: 500, background: [46, 120, 110], skin: [244, 206, 172], shirt: [250, 236, 214] },
  ben: { name: "Ben", toneHz: 740, background: [176, 96, 62], skin: [168, 112, 78], shirt: [44, 62, 92] },
  cleo: { name: "Cleo", toneHz: 1180, background: [88, 82, 160], skin: [120, 78, 54], shirt: [236, 158, 120] },
  dora: { name: "Dora", toneHz: 1640, background: [150, 140, 58], skin: [226, 176, 140], shirt: [96, 40, 70] },
};

/** Small, because every browser encodes its own for everyone else; sharp only where the pictures go into the documentation. */
export const LINES = process.env["UPDATE_SCREENSHOTS"] === "1" ? 360 : 180;
const FPS = 10;
/** Two seconds that can be repeated. */
const LENGTH_S = 2;
const RATE_HZ = 48_000;

/** The file that a browser takes for its camera: so many lines, so often a second; with grain, as in the dark, an encoder needs all that it may use. */
export function pictureFile(face, { lines = LINES, fps = FPS, grain = 0 } = {}) {
  return cached(`${face.name}-${lines}-${fps}-${grain}.y4m`, () => y4m(face, lines, fps, grain));
}

/** The file that a browser takes for its microphone. */
export function voiceFile(face) {
  return cached(`${face.name}-${face.toneHz}.wav`, () => wav(face.toneHz));
}

function cached(name, make) {
  const directory = join(ARTEFACTS, "media");
  const path = join(directory, name);
  if (!existsSync(path)) {
    mkdirSync(directory, { recursive: true });
    writeFileSync(`${path}.part`, make());
    renameSync(`${path}.part`, path);
  }
  return path;
}

/** A person who sways and blinks in front of a plain wall: little to encode, but every frame differs. */
function y4m(face, lines, fps, grain) {
  const parts = [Buffer.from(`YUV4MPEG2 W${(lines / 9) * 16} H${lines} F${fps}:1 Ip A1:1 C420jpeg\n`)];
  const frames = fps * LENGTH_S;
  for (let frame = 0; frame < frames; frame += 1) {
    parts.push(Buffer.from("FRAME\n"), roughen(drawFrame(face, lines, frame / frames), grain, frame));
  }
  return Buffer.concat(parts);
}

/** Adds noise to the brightness, which is not the same in any two frames. */
function roughen(picture, grain, frame) {
  let state = frame + 1;
  for (let i = 0; grain > 0 && i < (picture.length / 3) * 2; i += 1) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    picture[i] = Math.max(16, Math.min(235, picture[i] + (state >>> 24) % (2 * grain + 1) - grain));
  }
  return picture;
}

/** Drawn on a canvas of 640 × 360, whatever the number of lines. */
function drawFrame({ background, skin, shirt }, lines, phase) {
  const [width, height, scale] = [(lines / 9) * 16, lines, lines / 360];
  const luma = Buffer.alloc(width * height);
  const blue = Buffer.alloc((width * height) / 4);
  const red = Buffer.alloc((width * height) / 4);
  const x0 = 320 + 10 * Math.sin(2 * Math.PI * phase);
  const y0 = 151 + 4 * Math.sin(4 * Math.PI * phase);
  const blinking = phase > 0.9;
  const hair = shirt.map((value) => value * 0.35);
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) {
      const [r, g, b] = paint(x / scale - x0, y / scale - y0);
      luma[y * width + x] = 0.299 * r + 0.587 * g + 0.114 * b;
      if (x % 2 === 0 && y % 2 === 0) {
        const at = (y / 2) * (width / 2) + x / 2;
        blue[at] = 128 - 0.1687 * r - 0.3313 * g + 0.5 * b;
        red[at] = 128 + 0.5 * r - 0.4187 * g - 0.0813 * b;
      }
    }
  }
  return Buffer.concat([luma, blue, red]);

  function paint(x, y) {
    if (within(x, y, 0, 0, 66, 82)) {
      const eye = within(Math.abs(x), y, 25, -8, 7, blinking ? 1.5 : 8);
      const mouth = within(x, y, 0, 36, 22, 9) && y > 36;
      const fringe = y < -46 + 8 * Math.sin(x / 24);
      return fringe ? hair : eye || mouth ? [52, 38, 36] : skin;
    }
    if (within(x, y, 0, -16, 78, 88) && y < 40) {
      return hair;
    }
    if (within(x, y, 0, 95, 26, 60)) {
      return skin.map((value) => value * 0.9);
    }
    if (within(x, y, 0, 230, 150, 128)) {
      return shirt;
    }
    return background;
  }
}

function within(x, y, cx, cy, rx, ry) {
  return ((x - cx) / rx) ** 2 + ((y - cy) / ry) ** 2 <= 1;
}

/** A vowel in syllables, because browsers take an even tone for noise and remove it. One second that can be repeated. */
function wav(toneHz) {
  const data = Buffer.alloc(RATE_HZ * 2);
  for (let i = 0; i < RATE_HZ; i += 1) {
    const t = i / RATE_HZ;
    const syllable = 0.5 - 0.5 * Math.cos(2 * Math.PI * 4 * t);
    data.writeInt16LE(Math.round(18_000 * syllable * Math.sin(2 * Math.PI * toneHz * t)), 2 * i);
  }
  const head = Buffer.alloc(44);
  head.write("RIFF", 0);
  head.writeUInt32LE(36 + data.length, 4);
  head.write("WAVEfmt ", 8);
  head.writeUInt32LE(16, 16);
  head.writeUInt16LE(1, 20); // PCM
  head.writeUInt16LE(1, 22); // mono
  head.writeUInt32LE(RATE_HZ, 24);
  head.writeUInt32LE(RATE_HZ * 2, 28);
  head.writeUInt16LE(2, 32);
  head.writeUInt16LE(16, 34);
  head.write("data", 36);
  head.writeUInt32LE(data.length, 40);
  return Buffer.concat([head, data]);
}
