// Owns the mark: two faces turned to each other.

export function Mark() {
  return (
    <svg class="mark" viewBox="0 0 48 48" aria-hidden="true" focusable="false">
      <path class="mark-left" d="M4 6h8c7 0 9 6 8.500 10l2.300 5.200c.5 1-.1 2-1.200 2.200l-1.300.2.3 3.300-1 1.300.5 2.600c.4 3.200-1.300 5.200-4.600 5.200H12v6H4z" />
      <path class="mark-right" d="M44 6h-8c-7 0-9 6-8.500 10l-2.300 5.200c-.5 1 .1 2 1.200 2.200l1.300.2-.3 3.300 1 1.300-.5 2.600c-.4 3.200 1.300 5.200 4.600 5.200H36v6h8z" />
    </svg>
  );
}

/** The mark beside the name, as it heads every page outside a room. */
export function Wordmark() {
  return (
    <span class="wordmark">
      <Mark />
      visavis
    </span>
  );
}
