// Owns the entry point: opens the doors to the world and puts the page on the screen.

import { render } from "preact";
import { joinRoom } from "./room/join";
import { createMedia } from "./rtc/media";
import { App } from "./ui/app";
import { createJourney } from "./ui/journey";
import { recall, remember } from "./ui/preferences";

const journey = createJourney({
  createMedia,
  joinRoom,
  address: {
    read: () => new URL(location.href),
    push: (path) => history.pushState(null, "", path),
    replace: (path) => history.replaceState(null, "", path),
  },
  recallName: () => recall("name") ?? "",
  rememberName: (name) => remember("name", name),
});

addEventListener("popstate", () => journey.follow());
// A closed window says goodbye; otherwise the others would look at a frozen face until the grace time is over.
addEventListener("pagehide", () => journey.leave());
journey.follow();

const root = document.getElementById("app");
if (root !== null) {
  render(<App journey={journey} />, root);
}
