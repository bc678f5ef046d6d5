// Owns a sentence that says what is wrong with a field.

import { TriangleAlertIcon } from "./icons";

export function Fault({ id, text }: { id: string; text: string }) {
  return (
    <p class="fault" id={id} role="alert">
      <TriangleAlertIcon />
      <span>{text}</span>
    </p>
  );
}
