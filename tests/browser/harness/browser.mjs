// Owns one browser process of one person: real Chromium whose camera and microphone are files.

import { existsSync } from "node:fs";
import { chromium } from "playwright-core";
import { pictureFile, voiceFile } from "./media.mjs";

const EXECUTABLES = ["/usr/bin/chromium-headless-shell", "/usr/bin/chromium"];

/**
 * @typedef {object} Devices
 * @property {"face" | "several" | "none" | "denied"} kind `face`: one camera and one microphone that show and say what belongs to the face;
 * `several`: four cameras, of which the second makes depth images that nobody can encode, and three microphones, all synthetic; `none`: there are none; `denied`: the person does not allow them
 */

/**
 * @param {object} options
 * @param {import("./media.mjs").Face} options.face
 * @param {{lines?: number, fps?: number, grain?: number}} [options.camera] of its pictures: small and few unless given
 * @param {Devices["kind"]} [options.devices]
 * @param {string[]} [options.args] more flags
 * @param {string} [options.executablePath] instead of the installed browser
 */
export async function launch({ face, camera, devices = "face", args = [], executablePath = findExecutable() }) {
  return chromium.launch({
    executablePath,
    headless: true,
    chromiumSandbox: false,
    args: [...deviceFlags(face, camera, devices), ...args],
  });
}

export function findExecutable() {
  const found = EXECUTABLES.find((path) => existsSync(path));
  if (found === undefined) {
    throw new Error(`No Chromium: looked for ${EXECUTABLES.join(" and ")}. Install the package chromium-headless-shell or chromium.`);
  }
  return found;
}

function deviceFlags(face, camera, devices) {
  const allow = "--use-fake-ui-for-media-stream";
  switch (devices) {
    case "face":
      return [
        allow,
        "--use-fake-device-for-media-stream",
        `--use-file-for-fake-video-capture=${pictureFile(face, camera)}`,
        `--use-file-for-fake-audio-capture=${voiceFile(face)}`,
      ];
    case "several":
      return [allow, "--use-fake-device-for-media-stream=device-count=4,fps=10"];
    case "none":
      // Synthetic microphones cannot be taken away; a machine that runs tests has no real ones.
      return [allow];
    case "denied":
      return [`${allow}=deny`, "--use-fake-device-for-media-stream"];
    default:
      throw new Error(`no such devices: ${devices}`);
  }
}
