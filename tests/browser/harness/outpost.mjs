// Owns a second network behind a strict firewall: over UDP it reaches the TURN server and nothing else. A browser there has to be relayed.

import { execFileSync, spawn } from "node:child_process";
import { chmodSync, mkdirSync, readlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { findExecutable } from "./browser.mjs";
import { ARTEFACTS } from "./paths.mjs";
import { until } from "./wait.mjs";

const GATE = "gate0";

export class Outpost {
  /** The address of this side, as seen from there. */
  static HOST = "10.99.0.2";

  /** @param {{turnPort: number}} options */
  static async start({ turnPort }) {
    const outpost = new Outpost();
    const holder = spawn("unshare", ["--net", "sleep", "infinity"], { stdio: "ignore" });
    outpost.holder = holder;
    await until("the second network is there", () => namespaceOf(holder.pid), (there) => there !== null && there !== namespaceOf("self"));
    const there = ["nsenter", "-t", String(holder.pid), "-n"];
    run("ip", "link", "add", GATE, "type", "veth", "peer", "name", "eth0", "netns", String(holder.pid));
    // An IPv6 address that comes late would be a change of network to the browser.
    run("ip", "link", "set", GATE, "addrgenmode", "none");
    run(...there, "ip", "link", "set", "eth0", "addrgenmode", "none");
    run("ip", "addr", "add", "10.99.1.1/24", "dev", GATE);
    run("ip", "link", "set", GATE, "up");
    run(...there, "ip", "link", "set", "lo", "up");
    run(...there, "ip", "addr", "add", "10.99.1.2/24", "dev", "eth0");
    run(...there, "ip", "link", "set", "eth0", "up");
    run(...there, "ip", "route", "add", "default", "via", "10.99.1.1");
    // Each side drops what comes in: what goes out vanishes, as it does on a real network, without an error to the sender.
    run("nft", dropUdp("iifname", GATE, "dport", turnPort));
    run(...there, "nft", dropUdp("iifname", "eth0", "sport", turnPort));
    mkdirSync(ARTEFACTS, { recursive: true });
    outpost.executablePath = join(ARTEFACTS, "browser-at-the-outpost.sh");
    writeFileSync(outpost.executablePath, `#!/bin/sh\nexec ${there.join(" ")} ${findExecutable()} "$@"\n`);
    chmodSync(outpost.executablePath, 0o755);
    return outpost;
  }

  async stop() {
    run("nft", "delete table inet outpost");
    const ended = new Promise((resolve) => this.holder.once("close", resolve));
    this.holder.kill("SIGKILL");
    await ended;
  }
}

function dropUdp(direction, device, side, except) {
  return `table inet outpost { chain arriving { type filter hook input priority 0; ${direction} "${device}" udp ${side} != ${except} drop; }; }`;
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
