#!/bin/sh
# run.sh [TEST…]   runs the browser tests, or those given, one after another in a network namespace of their own.
# VISAVIS_BIN: the program under test [../../target/debug/visavis]. UPDATE_SCREENSHOTS=1: rewrites docs/images/.
set -eu
cd "$(dirname "$0")"

fail() { echo "run.sh: $1" >&2; exit 1; }

VISAVIS_BIN=$(realpath -m "${VISAVIS_BIN:-../../target/debug/visavis}")
export VISAVIS_BIN
[ -x "$VISAVIS_BIN" ] || fail "no program at $VISAVIS_BIN; build it first, or set VISAVIS_BIN."
command -v chromium-headless-shell >/dev/null || command -v chromium >/dev/null || fail "no Chromium; install chromium-headless-shell."
command -v firefox-esr >/dev/null || command -v firefox >/dev/null || fail "no Firefox; install firefox-esr."
for tool in node:nodejs npm:npm turnserver:coturn unshare:util-linux ip:iproute2 nft:nftables; do
    command -v "${tool%:*}" >/dev/null || PATH="$PATH:/usr/sbin:/sbin" command -v "${tool%:*}" >/dev/null || fail "no ${tool%:*}; install the package ${tool#*:}."
done
PATH="$PATH:/usr/sbin:/sbin"
export PATH

if [ ! -e node_modules/.package-lock.json ] || [ package-lock.json -nt node_modules/.package-lock.json ]; then
    npm ci --no-audit --no-fund --loglevel=error
    touch node_modules/.package-lock.json
fi

[ $# -gt 0 ] || set -- ./*.test.mjs
exec ../lab/alone.sh node --test --test-concurrency=1 --test-reporter=spec "$@"
