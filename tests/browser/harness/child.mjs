// Owns one child process: its output line by line, its end, and that none is left behind when the tests end.

import { spawn } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ARTEFACTS } from "./paths.mjs";

const running = new Set();
process.on("exit", () => {
  for (const child of running) {
    child.process.kill("SIGKILL");
  }
});

export class Child {
  /** Everything it has printed, standard output and error as they came. */
  output = "";
  /** Standard output alone. */
  stdout = "";
  /** `{code, signal}` once it has ended. */
  end = null;

  /**
   * @param {string} name for errors and the file of its output
   * @param {string} command
   * @param {string[]} args
   * @param {Record<string, string>} [env] on top of this process's own, without its VISAVIS_ variables
   */
  constructor(name, command, args, env = {}) {
    this.name = name;
    this.changed = new EventTarget();
    const inherited = Object.entries(process.env).filter(([key]) => !key.startsWith("VISAVIS_"));
    this.process = spawn(command, args, {
      env: { ...Object.fromEntries(inherited), ...env },
      stdio: ["ignore", "pipe", "pipe"],
    });
    running.add(this);
    const take = (chunk) => {
      this.output += chunk;
      this.changed.dispatchEvent(new Event("change"));
    };
    this.process.stdout.setEncoding("utf8").on("data", (chunk) => {
      this.stdout += chunk;
      take(chunk);
    });
    this.process.stderr.setEncoding("utf8").on("data", take);
    this.ended = new Promise((resolve) => {
      const finish = (end) => {
        running.delete(this);
        this.end = end;
        this.changed.dispatchEvent(new Event("change"));
        resolve(end);
      };
      this.process.on("error", (error) => finish({ code: null, signal: null, error: error.message }));
      this.process.on("close", (code, signal) => finish({ code, signal }));
    });
  }

  /** The match of `pattern` in the output, as soon as there is one; fails when the process ends before. */
  async says(pattern, timeoutMs = 15_000) {
    const signal = AbortSignal.timeout(timeoutMs);
    for (;;) {
      const match = pattern.exec(this.output);
      if (match !== null) {
        return match;
      }
      if (this.end !== null || signal.aborted) {
        const state = this.end === null ? `after ${timeoutMs} ms` : `it ended with ${JSON.stringify(this.end)}`;
        throw new Error(`${this.name} never said ${pattern} (${state}):\n${this.output.slice(-4000)}`);
      }
      await new Promise((resolve) => {
        const done = () => {
          this.changed.removeEventListener("change", done);
          signal.removeEventListener("abort", done);
          resolve();
        };
        this.changed.addEventListener("change", done);
        signal.addEventListener("abort", done);
      });
    }
  }

  /** Ends it, by force after 10 s, and keeps its output. */
  async stop(signal = "SIGTERM") {
    if (this.end === null) {
      this.process.kill(signal);
      const force = setTimeout(() => this.process.kill("SIGKILL"), 10_000);
      await this.ended;
      clearTimeout(force);
    }
    mkdirSync(ARTEFACTS, { recursive: true });
    writeFileSync(join(ARTEFACTS, `${this.name}-${this.process.pid}.log`), this.output);
    return this.end;
  }
}
