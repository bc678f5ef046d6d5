// Owns what a session needs from outside: a socket, the time, a timer, chance. Tests bring their own.

import { SUBPROTOCOL, WEBSOCKET_PATH } from "../protocol/types";

/** What happens to a socket. `closed` comes once and last, also when it never opened. */
export interface SocketEvents {
  opened(): void;
  text(frame: string): void;
  bytes(frame: Uint8Array): void;
  closed(code: number): void;
}

/** One WebSocket. After `close` no event comes any more. */
export interface Socket {
  send(frame: string | Uint8Array): void;
  close(): void;
}

export interface World {
  open(events: SocketEvents): Socket;
  nowMs(): number;
  /** Runs the task later; the function returned prevents it. */
  after(delayMs: number, task: () => void): () => void;
  /** 0 to 1. */
  random(): number;
}

/** The browser's own. `base` is the page's origin. */
export function browserWorld(base: string): World {
  return {
    open: (events) => openSocket(base, events),
    nowMs: () => Date.now(),
    after: (delayMs, task) => {
      const timer = setTimeout(task, delayMs);
      return () => {
        clearTimeout(timer);
      };
    },
    random: () => Math.random(),
  };
}

function openSocket(base: string, events: SocketEvents): Socket {
  const url = new URL(WEBSOCKET_PATH, base.replace(/^http/, "ws"));
  const socket = new WebSocket(url, SUBPROTOCOL);
  socket.binaryType = "arraybuffer";
  socket.onopen = () => {
    events.opened();
  };
  socket.onmessage = (event: MessageEvent<unknown>) => {
    if (typeof event.data === "string") {
      events.text(event.data);
    } else if (event.data instanceof ArrayBuffer) {
      events.bytes(new Uint8Array(event.data));
    }
  };
  socket.onclose = (event) => {
    events.closed(event.code);
  };
  return {
    send: (frame) => {
      // A closing socket would only complain; whatever is numbered is sent again.
      if (socket.readyState === WebSocket.OPEN) {
        socket.send(frame as string | Uint8Array<ArrayBuffer>);
      }
    },
    close: () => {
      socket.onopen = socket.onmessage = socket.onclose = null;
      socket.close();
    },
  };
}
