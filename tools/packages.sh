# shellcheck shell=bash
# Sourced by tools/run and tools/test: Debian packages by name, and the build.

# Also for callers without an environment, and for users without the system's programs.
export PATH="$PATH:/usr/sbin:/sbin"

# To build and run the walk.
BUILD_PACKAGES=(
    gcc libc6-dev cmake ninja-build pkg-config
    libnng-dev libprotobuf-c-dev protobuf-c-compiler protobuf-compiler libprotobuf-dev
    liblmdb-dev libsodium-dev libyaml-dev libjansson-dev zlib1g-dev libssl-dev libhiredis-dev
    libsmartcols-dev libcsv-dev libarchive-dev libmicrohttpd-dev jq
    tzdata # time zones by name: posternd reads them when it runs
    scdoc  # the manual
)
# To test as well. Every name is one of Debian 12 and of Debian 13: none with a version in it.
TEST_PACKAGES=(
    g++ clang libclang-rt-dev llvm clang-format mold
    libcmocka-dev bats python3 nng-utils nanomsg-utils lmdb-utils gojq util-linux binutils procps openssl
    curl nginx haproxy caddy wrk
    chromium fonts-liberation python3-jsonschema # the console and the OpenAPI document
    redis-server libzstd-dev # what libssl.a of Debian 13 needs
    prometheus prometheus-node-exporter
    python3-protobuf protoc-gen-go-1-5 # clients in other languages
)
# Where Node.js comes from elsewhere, it has brought npm, which Debian's would drive out.
command -v npm >/dev/null || TEST_PACKAGES+=(nodejs npm)

# To make Debian packages.
PACKAGE_PACKAGES=(dpkg-dev file gzip binutils)

say() {
    printf '%s\n' "$*"
}

fail() {
    printf '%s: %s\n' "${0##*/}" "$*" >&2
    exit 1
}

missing_packages() {
    local package
    for package in "$@"; do
        [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || printf '%s\n' "$package"
    done
}

# Installs what is missing of "$@". A package list that is too old or empty is brought up to date first.
need_packages() {
    local -a missing as_root=()
    if ! command -v dpkg-query >/dev/null; then
        say "This is not Debian: install by hand what these packages hold: $*"
        return 0
    fi
    mapfile -t missing < <(missing_packages "$@")
    [ "${#missing[@]}" -gt 0 ] || return 0
    if [ "$(id -u)" -ne 0 ]; then
        command -v sudo >/dev/null ||
            fail "packages are missing and there is no sudo. As root: apt-get install ${missing[*]}"
        as_root=(sudo)
    fi
    say "Installing Debian packages: ${missing[*]}"
    install_packages "${missing[@]}" && return 0
    say "The package list may be old; updating it."
    "${as_root[@]}" apt-get -q update || fail "apt-get update failed; see above"
    install_packages "${missing[@]}" || fail "could not install: ${missing[*]}; see above"
}

# Installs into build/node what tests/node/package.json names: Debian has no package of it.
need_node_modules() {
    command -v npm >/dev/null || need_packages npm
    mkdir -p build/node
    cmp -s tests/node/package.json build/node/package.json && return 0
    say "Installing from npm what tests/node/package.json names"
    npm install --prefix build/node --ignore-scripts --no-audit --no-fund --no-package-lock --loglevel error \
        $(jq -r '.dependencies | to_entries[] | .key + "@" + .value' tests/node/package.json) &&
        cp tests/node/package.json build/node/
}

# as_root comes from need_packages. What has a service (redis-server, prometheus) is not started, now or with the
# machine: tests start it by themselves.
install_packages() {
    "${as_root[@]}" bash -c '
        policy=/usr/sbin/policy-rc.d
        if [ ! -e "$policy" ]; then
            trap "rm -f $policy" EXIT
            printf "#!/bin/sh\nexit 101\n" >"$policy" && chmod 755 "$policy"
        fi
        DEBIAN_FRONTEND=noninteractive apt-get -q -y install --no-install-recommends "$@" || exit
        [ -d /run/systemd/system ] || exit 0
        for package in "$@"; do
            [ ! -e "/lib/systemd/system/$package.service" ] || systemctl --quiet disable "$package.service"
        done' bash "$@"
}

# configure PRESET [ARGUMENT]...: a build folder of another checkout, or of another compiler, is begun afresh.
configure() {
    local preset=$1 cache=build/$1/CMakeCache.txt
    shift
    if [ -f "$cache" ] && ! grep -qxF "CMAKE_HOME_DIRECTORY:INTERNAL=$PWD" "$cache"; then
        rm -rf "build/$preset"
    fi
    if ! mkdir -p "build/$preset" || [ ! -w "build/$preset" ]; then
        printf '%s cannot be written (made by %s?): remove it, or run this as its owner or through sudo\n' \
            "$PWD/build/$preset" "$(stat -c %U "build/$preset" 2>/dev/null || stat -c %U .)" >&2
        return 1
    fi
    cmake --preset "$preset" "$@"
}

# Runs a command whose output only matters when it fails.
quietly() {
    local log rc=0
    log=$(mktemp)
    "$@" >"$log" 2>&1 || rc=$?
    [ "$rc" -eq 0 ] || cat "$log" >&2
    rm -f "$log"
    return "$rc"
}
