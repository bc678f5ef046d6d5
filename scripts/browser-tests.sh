#!/bin/sh
# Runs the tests in real browsers against the binary that `cargo test` has built.
set -eu
cd "$(dirname "$0")/.."
runner=tests/browser/run.sh
[ -x "$runner" ] || { echo "$runner is missing or not executable." >&2; exit 1; }
exec "$runner" "$@"
