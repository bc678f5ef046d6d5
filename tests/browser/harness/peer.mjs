// Owns a headless peer: a child process in a room, and its report.

import { Child } from "./child.mjs";
import { VISAVIS } from "./paths.mjs";

export class Peer {
  /**
   * @param {{url: string, room: string, name: string, flags?: Record<string, string>}} options
   */
  constructor({ url, room, name, flags = {} }) {
    const all = { url, room, name, duration: "5m", report: "-", ...flags };
    const args = Object.entries(all).flatMap(([flag, value]) => [`--${flag}`, value]);
    this.child = new Child(`peer-${name}`, VISAVIS, ["peer", ...args]);
  }

  /** Ends it as a person does (SIGINT), and returns what it saw. */
  async leave() {
    await this.child.stop("SIGINT");
    const start = this.child.stdout.indexOf("{");
    if (start < 0) {
      throw new Error(`${this.child.name} made no report: ${JSON.stringify(this.child.end)}\n${this.child.output}`);
    }
    return JSON.parse(this.child.stdout.slice(start));
  }
}
