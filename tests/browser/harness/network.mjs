// Owns one person's own network: a namespace joined to this one by a link that can lose packets, be narrow, be filtered, and change its address.

import { execFileSync, spawn } from "node:child_process";
import { chmodSync, mkdirSync, readlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { findExecutable } from "./browser.mjs";
import { ARTEFACTS } from "./paths.mjs";
import { until } from "./wait.mjs";

/** How long a narrow link queues before it drops, as a home router does. */
const QUEUE_MS = 200;

export class Network {
  /** The address of this side, as seen from every such network. */
  static HOST = "10.99.0.2";

  static #count = 0;

  /** @returns {Promise<Network>} */
  static async start() {
    const network = new Network();
    Network.#count += 1;
    network.number = Network.#count;
    network.gate = `gate${network.number}`;
    const holder = spawn("unshare", ["--net", "sleep", "infinity"], { stdio: "ignore" });
    network.holder = holder;
    await until("the other network is there", () => namespaceOf(holder.pid), (there) => there !== null && there !== namespaceOf("self"));
    network.there = ["nsenter", "-t", String(holder.pid), "-n"];
    const { gate, there, number } = network;
    run("ip", "link", "add", gate, "type", "veth", "peer", "name", "eth0", "netns", String(holder.pid));
    // An IPv6 address that comes late would be a change of network to the browser.
    run("ip", "link", "set", gate, "addrgenmode", "none");
    run(...there, "ip", "link", "set", "eth0", "addrgenmode", "none");
    run("ip", "addr", "add", `10.98.${number}.1/24`, "dev", gate);
    run("ip", "link", "set", gate, "up");
    run(...there, "ip", "link", "set", "lo", "up");
    network.#address = 2;
    run(...there, "ip", "addr", "add", `10.98.${number}.2/24`, "dev", "eth0");
    run(...there, "ip", "link", "set", "eth0", "up");
    run(...there, "ip", "route", "add", "default", "via", `10.98.${number}.1`);
    mkdirSync(ARTEFACTS, { recursive: true });
    network.executablePath = join(ARTEFACTS, `browser-in-${gate}.sh`);
    writeFileSync(network.executablePath, `#!/bin/sh\nexec ${there.join(" ")} ${findExecutable()} "$@"\n`);
    chmodSync(network.executablePath, 0o755);
    return network;
  }

  #address = 0;
  #losing = false;
  #filtered = false;

  /** Over UDP only this port of the outside can be reached; none: UDP is blocked altogether. TCP stays open. */
  restrictUdp(port = null) {
    const but = (side) => (port === null ? "meta l4proto udp" : `udp ${side} != ${port}`);
    // Each side drops what comes in: what goes out vanishes, as it does on a real network, without an error to the sender.
    run("nft", arriving(`fence_${this.gate}`, this.gate, but("dport")));
    run(...this.there, "nft", arriving("fence", "eth0", but("sport")));
    this.#filtered = true;
  }

  /** Loses this share of the packets, at random, each way. */
  lose({ upPercent, downPercent }) {
    if (this.#losing) {
      run("nft", `delete table netdev loss_${this.gate}`);
      run(...this.there, "nft", "delete table netdev loss");
    }
    run("nft", losing(`loss_${this.gate}`, this.gate, upPercent));
    run(...this.there, "nft", losing("loss", "eth0", downPercent));
    this.#losing = true;
  }

  /** Narrows the way down to this network; null makes it wide again. */
  narrowDown(kbitPerSecond) {
    if (kbitPerSecond === null) {
      run("tc", "qdisc", "del", "dev", this.gate, "root");
    } else {
      run("tc", "qdisc", "replace", "dev", this.gate, "root", "tbf", "rate", `${kbitPerSecond}kbit`, "burst", "4k", "latency", `${QUEUE_MS}ms`);
    }
  }

  /** Another address takes the place of the present one, as when a phone leaves its Wi-Fi. */
  move() {
    const old = this.#address;
    this.#address += 1;
    const address = (last) => `10.98.${this.number}.${last}/24`;
    run(...this.there, "ip", "addr", "del", address(old), "dev", "eth0");
    run(...this.there, "ip", "addr", "add", address(this.#address), "dev", "eth0");
    run(...this.there, "ip", "route", "replace", "default", "via", `10.98.${this.number}.1`);
  }

  async stop() {
    if (this.#filtered) {
      run("nft", `delete table inet fence_${this.gate}`);
    }
    if (this.#losing) {
      run("nft", `delete table netdev loss_${this.gate}`);
    }
    const ended = new Promise((resolve) => this.holder.once("close", resolve));
    this.holder.kill("SIGKILL");
    await ended;
  }
}

function arriving(table, device, what) {
  return `table inet ${table} { chain arriving { type filter hook input priority 0; iifname "${device}" ${what} drop; }; }`;
}

function losing(table, device, percent) {
  const rule = `numgen random mod 1000 < ${Math.round(percent * 10)} drop;`;
  return `table netdev ${table} { chain arriving { type filter hook ingress device "${device}" priority 0; ${rule} }; }`;
}

function run(command, ...args) {
  execFileSync(command, args, { stdio: ["ignore", "ignore", "inherit"] });
}

function namespaceOf(pid) {
  try {
    return readlinkSync(`/proc/${pid}/ns/net`);
  } catch {
    return null;
  }
}
