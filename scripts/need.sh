#!/bin/sh
# Installs what the tests need and this machine lacks, when it may; otherwise names all of it in one error and ends with 1.
# It never goes on without: a test that cannot run is a failure.
set -eu

# Programs for administrators are not in everybody's path.
PATH="$PATH:/usr/sbin:/sbin"
export PATH

has() { command -v "$1" >/dev/null 2>&1; }
has_cjk_font() { has fc-list && [ -n "$(fc-list :lang=zh family)" ]; }

# The Debian packages that are lacking, each with what the tests use it for.
lacking() {
    has chromium-headless-shell || has chromium || echo "$(chromium_package) (real browsers)"
    has firefox-esr || has firefox || echo "firefox-esr (likewise)"
    has turnserver || echo "coturn (TURN)"
    has nft || echo "nftables (networks that block and translate)"
    has conntrack || echo "conntrack (connections that a router forgets)"
    has ip || echo "iproute2 (networks of their own for tests)"
    has unshare || echo "util-linux (likewise)"
    has certutil || echo "libnss3-tools (certificates that the browser trusts)"
    has fc-list || echo "fontconfig (which fonts there are)"
    has_cjk_font || echo "fonts-noto-cjk (Chinese in screenshots)"
}

# Older releases have the headless browser within chromium only.
chromium_package() {
    if has apt-cache && [ -n "$(apt-cache search --names-only '^chromium-headless-shell$' 2>/dev/null)" ]; then
        echo chromium-headless-shell
    else
        echo chromium
    fi
}

packages() { sed 's/ .*//' | tr '\n' ' '; }

# Runs a command as root, where that needs no password.
as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@"; fi
}

may_install() { has apt-get && { [ "$(id -u)" = 0 ] || { has sudo && sudo -n true 2>/dev/null; }; }; }

list=$(lacking)
[ -n "$list" ] || exit 0

if may_install; then
    echo "Installing: $(echo "$list" | packages)"
    as_root apt-get update -qq || true
    # Asked again: only now is it known which package has the browser. Unquoted: one word each.
    # shellcheck disable=SC2046
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $(lacking | packages) </dev/null >/dev/null || true
    list=$(lacking)
    [ -n "$list" ] || exit 0
    echo "These Debian packages are needed by the tests and could not be installed:" >&2
else
    echo "These Debian packages are needed by the tests, and this user may not install them:" >&2
fi
echo "$list" | sed 's/^/  - /' >&2
echo "Install them: sudo apt-get install -y $(echo "$list" | packages)" >&2
exit 1
