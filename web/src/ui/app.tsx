// Owns the page as a whole: the place where the person is, its theme and its title.

// First of all: what the other style sheets build upon.
import "./tokens.css";
import "./base.css";
import { effect } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { assertNever } from "../assert";
import { Ended } from "./ended/ended";
import type { Journey, Place } from "./journey";
import { Landing } from "./landing/landing";
import { Prejoin } from "./prejoin/prejoin";
import { Room } from "./room/room";
import { language } from "./words/language";

export function App({ journey }: { journey: Journey }) {
  const place = journey.place.value;

  useEffect(
    () =>
      effect(() => {
        document.documentElement.lang = language.value;
      }),
    [],
  );
  useEffect(() => {
    dress(place);
  }, [place]);

  switch (place.kind) {
    case "landing":
      return <Landing refusedRoom={place.refusedRoom} onEnter={journey.enter} />;
    case "prejoin":
      return (
        <Prejoin
          key={place.room}
          room={place.room}
          media={place.media}
          name={journey.name()}
          handover={place.wishes.resumeToken !== null}
          onJoin={journey.join}
          onHome={journey.home}
        />
      );
    case "room":
      return <Room room={place.room} media={place.media} meeting={place.meeting} name={place.name} onLeave={journey.leave} onRenamed={journey.renamed} />;
    case "ended":
      return <Ended room={place.room} reason={place.reason} journey={journey} />;
    default:
      return assertNever(place);
  }
}

/** The room is always dark; everything else follows the system. */
function dress(place: Place): void {
  const root = document.documentElement;
  if (place.kind === "room") {
    root.dataset["theme"] = "dark";
  } else {
    delete root.dataset["theme"];
    document.title = place.kind === "landing" ? "visavis" : `${place.room} · visavis`;
  }
}
