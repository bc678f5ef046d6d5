// Owns where things are: the repository, what is tested, and where the tests may write.

import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

export const REPOSITORY = resolve(dirname(fileURLToPath(import.meta.url)), "../../..");

/** The program under test. */
export const VISAVIS = resolve(process.env["VISAVIS_BIN"] ?? join(REPOSITORY, "target/debug/visavis"));

/** Screenshots, logs, generated media. */
export const ARTEFACTS = join(REPOSITORY, "target/browser");
