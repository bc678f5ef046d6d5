#!/bin/sh
# Checks that what builds visavis is there and new enough; names everything that is not, and ends with 1.
set -eu
cd "$(dirname "$0")/.."

rust_min=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml)
node_min=$(sed -n 's/.*"node": ">=\([0-9.]*\).*"/\1/p' web/package.json 2>/dev/null || true)
node_min=${node_min:-20.19}
missing=

lacks() { missing="$missing
  - $1"; }

# at_least FOUND WANTED: whether a version is as new as another
at_least() { [ "$(printf '%s\n%s\n' "$1" "$2" | sort -V | head -n 1)" = "$2" ]; }

if command -v cargo >/dev/null 2>&1; then
    # In this folder, so that rustup's overrides count.
    found=$(rustc --version | sed 's/^rustc \([0-9.]*\).*/\1/')
    at_least "$found" "$rust_min" || lacks "Rust $rust_min or newer (here: $found): run \`rustup update stable\`"
else
    lacks "Rust $rust_min or newer: https://rustup.rs"
fi

if command -v node >/dev/null 2>&1; then
    found=$(node --version | tr -d v)
    at_least "$found" "$node_min" || lacks "Node.js $node_min or newer (here: $found): https://nodejs.org/en/download"
else
    lacks "Node.js $node_min or newer, for building the page: https://nodejs.org/en/download"
fi
command -v npm >/dev/null 2>&1 || lacks "npm, which comes with Node.js"

command -v cc >/dev/null 2>&1 || lacks "a C compiler, for the cryptography: \`apt-get install build-essential\`, on macOS \`xcode-select --install\`"

[ -z "$missing" ] || {
    echo "To build visavis, this machine needs:$missing" >&2
    exit 1
}
