// Owns the server under test: one process on a free port, with the flags of the test.

import { Child } from "./child.mjs";
import { VISAVIS } from "./paths.mjs";
import { until } from "./wait.mjs";

export class Server {
  /** @param {Record<string, string>} flags */
  constructor(flags) {
    this.flags = flags;
    /** `http` or `https`, known after the start. */
    this.scheme = "http";
    this.port = 0;
  }

  /**
   * Starts it and waits until it is ready.
   * @param {Record<string, string>} [flags] name without dashes to value; over `listen` on any address and a free port
   */
  static async start(flags = {}) {
    const server = new Server(flags);
    await server.start();
    return server;
  }

  /** Starts it (again): the port stays the same from the first start on. */
  async start() {
    const flags = { listen: `:${this.port}`, "admin-listen": "off", "sfu-listen": ":0", "log-filter": "info,visavis=debug", ...this.flags };
    const args = Object.entries(flags).flatMap(([name, value]) => [`--${name}`, value]);
    this.child = new Child("server", VISAVIS, ["serve", ...args]);
    const [, scheme, port] = await this.child.says(/On this machine\s+(https?):\/\/localhost:(\d+)/);
    this.scheme = scheme;
    this.port = Number(port);
    if (scheme === "http") {
      await until("the server is ready", () => this.#isReady());
    }
  }

  async #isReady() {
    try {
      return (await fetch(`${this.url}/readyz`)).ok;
    } catch {
      return false;
    }
  }

  /** Where the page is, without a slash at the end. */
  get url() {
    return `${this.scheme}://localhost:${this.port}`;
  }

  /** SIGTERM lets it say goodbye; SIGKILL is a crash. */
  stop(signal = "SIGTERM") {
    return this.child.stop(signal);
  }
}
