// Owns the ways into this call: a link for others, a code for one's own other device.

import { useSignal } from "@preact/signals";
import type { Meeting } from "../../room/meeting";
import { canShareLink, CopyLink, shareLink } from "../parts/copy-link";
import { QrCode } from "../parts/qr-code";
import { SmartphoneIcon } from "../parts/icons";
import { roomUrl } from "../route";
import { words } from "../words/language";
import "./invite-panel.css";

export function InvitePanel({ room, meeting }: { room: string; meeting: Meeting }) {
  const w = words.value;
  const url = roomUrl(location.origin, room);
  return (
    <div class="panel-body invite">
      <p class="hint">{w.inviteLead}</p>
      <CopyLink url={url} />
      {canShareLink ? (
        <button type="button" class="button" data-size="small" onClick={() => void shareLink(url)}>
          {w.shareLink}
        </button>
      ) : null}
      <QrCode text={url} label={w.qrInvite} />
      <Handover meeting={meeting} />
    </div>
  );
}

/** Behind a button: whoever scans this code takes the call over. */
function Handover({ meeting }: { meeting: Meeting }) {
  const w = words.value;
  const shown = useSignal(false);
  // The token changes when the session is resumed; reading the state draws the new one.
  const connected = meeting.state.value.connection.kind === "connected";
  const url = connected ? meeting.handoverUrl() : null;
  return (
    <section class="handover" aria-labelledby="handover-title">
      <h3 id="handover-title">{w.continueElsewhere}</h3>
      <p class="hint">{url === null ? w.noHandover : w.continueLead}</p>
      {url === null ? null : (
        <>
          <button
            type="button"
            class="button"
            data-size="small"
            aria-expanded={shown.value}
            onClick={() => {
              shown.value = !shown.peek();
            }}
          >
            <SmartphoneIcon />
            {shown.value ? w.hideCode : w.showCode}
          </button>
          {shown.value ? <QrCode text={url} label={w.qrHandover} /> : null}
        </>
      )}
    </section>
  );
}
