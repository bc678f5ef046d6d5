// Owns a real TURN server: coturn with the development configuration that we ship.

import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Child } from "./child.mjs";
import { ARTEFACTS, REPOSITORY } from "./paths.mjs";

const CONFIGURATION = join(REPOSITORY, "turn-config/coturn.development.conf");

export class Coturn {
  /**
   * Starts it on another address than the configuration's 127.0.0.1, so that it can be reached from a second network.
   * @param {{ip: string}} options the address to listen and relay on
   */
  static async start({ ip }) {
    const shipped = readFileSync(CONFIGURATION, "utf8");
    const setting = (name) => new RegExp(`^${name}=(.*)$`, "m").exec(shipped)[1];
    const coturn = new Coturn();
    coturn.port = Number(setting("listening-port"));
    coturn.urls = `turn:${ip}:${coturn.port}?transport=udp`;
    coturn.secret = setting("static-auth-secret");
    mkdirSync(ARTEFACTS, { recursive: true });
    const path = join(ARTEFACTS, "coturn.conf");
    writeFileSync(path, shipped.replaceAll(/^((?:listening|relay)-ip)=.*$/gm, `$1=${ip}`));
    coturn.child = new Child("coturn", "turnserver", ["-c", path, `--pidfile=${join(ARTEFACTS, "coturn.pid")}`]);
    await coturn.child.says(/listener opened on|Total General servers/i);
    return coturn;
  }

  stop() {
    return this.child.stop();
  }
}
