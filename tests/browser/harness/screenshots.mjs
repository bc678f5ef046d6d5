// Owns the pictures that the tests take: all go to the artefacts, published ones into the documentation when asked for.

import { copyFileSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { REPOSITORY } from "./paths.mjs";

/**
 * @param {import("./person.mjs").Person} person
 * @param {string} name without its ending
 * @param {{publish?: boolean}} [options] `publish`: also docs/images/, when UPDATE_SCREENSHOTS=1
 */
export async function keepScreenshot(person, name, { publish = false } = {}) {
  const path = await person.screenshot(name);
  if (publish && process.env["UPDATE_SCREENSHOTS"] === "1") {
    const directory = join(REPOSITORY, "docs/images");
    mkdirSync(directory, { recursive: true });
    copyFileSync(path, join(directory, `${name}.png`));
  }
}
