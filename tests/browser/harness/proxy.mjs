// Owns a TCP proxy between browser and server that can lose connections the way networks do.

import { createServer, connect } from "node:net";

/** How a WebSocket is lost: refused by a reset, ended without a close frame, or not heard of any more. */
export const LOSSES = /** @type {const} */ (["reset", "end", "silence"]);

export class Proxy {
  /** Lost WebSockets so far. */
  losses = 0;
  /** Times that a client has spoken on a WebSocket that the server had taken. */
  spoken = 0;
  #connections = new Set();
  #holding = false;

  /** @param {{port: number}} server */
  static async start(server) {
    const proxy = new Proxy();
    proxy.#server = createServer((client) => proxy.#carry(client, server.port));
    await new Promise((resolve) => proxy.#server.listen(0, "localhost", resolve));
    proxy.url = `http://localhost:${proxy.#server.address().port}`;
    return proxy;
  }

  #server;
  url = "";

  #carry(client, port) {
    const server = connect(port, "localhost");
    const connection = { client, server, isWebSocket: false, taken: false, lost: false, held: [] };
    this.#connections.add(connection);
    const over = () => {
      if (connection.how === "silence") {
        return; // Neither end hears of the other any more.
      }
      this.#connections.delete(connection);
      client.destroy();
      server.destroy();
    };
    client.on("data", (chunk) => {
      connection.isWebSocket ||= chunk.includes("/api/ws");
      this.spoken += connection.taken ? 1 : 0;
      if (!connection.lost) {
        server.write(chunk);
      }
    });
    server.on("data", (chunk) => {
      if (this.#holding && connection.taken) {
        connection.held.push(chunk);
      } else if (!connection.lost) {
        client.write(chunk);
      }
      connection.taken ||= connection.isWebSocket;
    });
    for (const socket of [client, server]) {
      socket.setNoDelay(true);
      socket.on("error", over);
      socket.on("close", over);
    }
  }

  /** WebSockets that are open and not lost. */
  get webSockets() {
    return [...this.#connections].filter(({ isWebSocket, lost }) => isWebSocket && !lost).length;
  }

  /**
   * Loses every WebSocket that is open; what was on its way is lost too.
   * @param {typeof LOSSES[number]} how
   */
  lose(how) {
    for (const connection of this.#connections) {
      if (connection.isWebSocket && !connection.lost) {
        connection.lost = true;
        connection.how = how;
        this.losses += 1;
        this.#lose(connection, how);
      }
    }
  }

  #lose(connection, how) {
    const { client, server } = connection;
    switch (how) {
      case "reset":
        client.resetAndDestroy();
        server.resetAndDestroy();
        return;
      case "end":
        client.end();
        server.end();
        return;
      case "silence":
        return;
    }
  }

  /** From now on a server that has taken a WebSocket is heard by its client only after `release`. */
  hold() {
    this.#holding = true;
  }

  release() {
    this.#holding = false;
    for (const { client, held } of this.#connections) {
      held.splice(0).forEach((chunk) => client.write(chunk));
    }
  }

  async stop() {
    for (const { client, server } of this.#connections) {
      client.destroy();
      server.destroy();
    }
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
