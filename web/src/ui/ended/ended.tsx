// Owns the screen after a call: what happened, and the one thing to do next.

import { useEffect, useRef } from "preact/hooks";
import { assertNever } from "../../assert";
import type { EndReason } from "../../room/state";
import type { Journey } from "../journey";
import { Frame } from "../parts/frame";
import type { Words } from "../words/en";
import { words } from "../words/language";
import "./ended.css";

interface Props {
  readonly room: string;
  readonly reason: EndReason;
  readonly journey: Pick<Journey, "rejoin" | "prepare" | "home">;
}

export function Ended({ room, reason, journey }: Props) {
  const w = words.value;
  const { title, lead, action, act } = describeEnd(reason, w, journey);
  const heading = useRef<HTMLHeadingElement>(null);

  useEffect(() => {
    // The call's controls are gone; a screen reader goes on with what happened.
    heading.current?.focus();
  }, []);

  return (
    <Frame onHome={journey.home}>
      <div class="ended">
        <p class="ended-room">{room}</p>
        <h1 ref={heading} tabIndex={-1}>
          {title}
        </h1>
        <p class="ended-lead">{lead}</p>
        <div class="ended-actions">
          <button type="button" class="button" data-kind="primary" onClick={act}>
            {action}
          </button>
          {act === journey.home ? null : (
            <button type="button" class="button" data-kind="quiet" onClick={journey.home}>
              {w.toStart}
            </button>
          )}
        </div>
      </div>
    </Frame>
  );
}

interface End {
  readonly title: string;
  readonly lead: string;
  readonly action: string;
  readonly act: () => void;
}

function describeEnd(reason: EndReason, w: Words, journey: Props["journey"]): End {
  switch (reason.kind) {
    case "left":
      return { title: w.leftTitle, lead: w.leftLead, action: w.rejoin, act: journey.rejoin };
    case "replaced":
      return { title: w.replacedTitle, lead: w.replacedLead, action: w.bringBack, act: journey.rejoin };
    case "refused":
      return { title: w.refusedTitle, ...describeRefusal(reason.code, reason.message, w, journey) };
    default:
      return assertNever(reason);
  }
}

type Refusal = Omit<End, "title">;

function describeRefusal(
  code: Extract<EndReason, { kind: "refused" }>["code"],
  message: string,
  w: Words,
  journey: Props["journey"],
): Refusal {
  switch (code) {
    case "room_full":
    case "server_full":
    case "shutting_down":
      return { lead: w.refused[code], action: w.tryAgain, act: journey.rejoin };
    case "bad_room":
      return { lead: w.refused.bad_room, action: w.chooseRoom, act: journey.home };
    case "bad_name":
      return { lead: w.refused.bad_name, action: w.chooseName, act: journey.prepare };
    case "resume_mismatch":
    case "resume_stale":
      return { lead: w.refused.resume_mismatch, action: w.rejoin, act: journey.prepare };
    case "bad_json":
    case "unknown_type":
    case "bad_message":
    case "bad_frame":
    case "too_large":
    case "wrong_state":
    case "bad_topic":
    case "no_such_participant":
    case "bad_offer":
    case "too_fast":
    case "no_sfu":
    case "unknown":
      return { lead: w.refusedOther(message), action: w.tryAgain, act: journey.rejoin };
    default:
      return assertNever(code);
  }
}
