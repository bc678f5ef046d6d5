// Owns the mark: two faces turned to each other.

const FACE =
  "M3 13a7 7 0 0 1 7-7c6 0 9.500 4 9.500 9.500 0 2 3.300 5.300 3.300 6.800 0 1.300-2.800 1.400-2.800 2.400s1 1.800.6 2.700c-.3.7-.8.9-.5 1.800.7 2.300-.6 5.300-4.100 5.300-2.500 0-3 1.500-3 3.500v4H8a5 5 0 0 1-5-5z";

export function Mark() {
  return (
    <svg class="mark" viewBox="0 0 48 48" aria-hidden="true" focusable="false">
      <path class="mark-left" d={FACE} />
      <path class="mark-right" d={FACE} transform="matrix(-1 0 0 1 48 0)" />
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
