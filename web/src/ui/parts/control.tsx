// Owns the round buttons of a call: icon, name, what the label says where there is room, and the shortcut in the tooltip.

import type { ComponentChildren, Ref } from "preact";
import "./control.css";

interface Props {
  /** The accessible name. */
  readonly name: string;
  /** Shown under the icon where there is room. */
  readonly label: string;
  /** Says more than the label, in the tooltip. */
  readonly tip?: string;
  readonly icon: ComponentChildren;
  /** `off`: the device is off. `active`: switched on or open. `danger`: leaves. `warning`: something is to be mended. */
  readonly tone?: "plain" | "off" | "active" | "danger" | "warning";
  readonly shortcut?: string;
  readonly busy?: boolean;
  /** For a button that opens something. */
  readonly expanded?: boolean;
  readonly badge?: ComponentChildren;
  readonly buttonRef?: Ref<HTMLButtonElement>;
  readonly onClick: (event: MouseEvent & { currentTarget: HTMLButtonElement }) => void;
}

export function Control({ name, label, tip = label, icon, tone = "plain", shortcut, busy, expanded, badge, buttonRef = null, onClick }: Props) {
  return (
    <button
      ref={buttonRef}
      type="button"
      class="control"
      data-tone={tone}
      data-tip={shortcut === undefined ? tip : `${tip} (${shortcut})`}
      aria-label={name}
      aria-busy={busy}
      aria-expanded={expanded}
      aria-keyshortcuts={shortcut}
      onClick={onClick}
    >
      <span class="control-face">
        {icon}
        {badge}
      </span>
      <span class="control-label" aria-hidden="true">
        {label}
      </span>
    </button>
  );
}
