// Owns a small icon that says something, also to those who cannot see it.

import type { ComponentChild } from "preact";

export function Sign({ icon, text, tone = "plain" }: { icon: ComponentChild; text: string; tone?: "plain" | "hand" | "warning" }) {
  return (
    <span class="sign" data-tone={tone} title={text}>
      {icon}
      <span class="unseen">{text}</span>
    </span>
  );
}
