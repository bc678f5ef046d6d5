// Owns a real TURN server: coturn with the development configuration that we ship.

import { join } from "node:path";
import { Child } from "./child.mjs";
import { ARTEFACTS, REPOSITORY } from "./paths.mjs";

const CONFIGURATION = join(REPOSITORY, "turn-config/coturn.development.conf");

export class Coturn {
  /**
   * @param {{ip: string, port: number, secret: string}} options the address to listen and relay on
   */
  static async start({ ip, port, secret }) {
    const coturn = new Coturn();
    coturn.urls = `turn:${ip}:${port}?transport=udp`;
    coturn.secret = secret;
    coturn.child = new Child("coturn", "turnserver", [
      "-c",
      CONFIGURATION,
      `--listening-ip=${ip}`,
      `--relay-ip=${ip}`,
      `--listening-port=${port}`,
      `--static-auth-secret=${secret}`,
      "--log-file=stdout",
      "--simple-log",
      `--pidfile=${join(ARTEFACTS, "coturn.pid")}`,
      "--verbose",
    ]);
    await coturn.child.says(/listener.*opened on|Total General servers/i);
    return coturn;
  }

  stop() {
    return this.child.stop();
  }
}
