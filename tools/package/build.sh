#!/usr/bin/env bash
# In a clean root (tools/packages-test): builds the packages as the Dockerfile does, and those of a lower version, into
# /src/made. lintian finds no error in them.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
. tools/packages.sh
. tools/package/instructions.sh

checkout=$PWD
apt-get -q update
(follow Dockerfile 1 "")
mkdir -p /src/made/lower
cp build/package/*.deb /src/made/
(
    cmake --preset package -DPOSTERN_PACKAGE_RELEASE="0+deb$(sed 's/[./].*//' /etc/debian_version)"
    cd build/package
    rm ./*.deb
    cpack
)
cp build/package/*.deb /src/made/lower/
need_packages lintian
useradd --system --no-create-home lintian-runner
say "== lintian"
cd /src/made
setpriv --reuid lintian-runner --clear-groups --regid nogroup env HOME=/tmp lintian --version
setpriv --reuid lintian-runner --clear-groups --regid nogroup env HOME=/tmp \
    lintian --fail-on error --no-tag-display-limit ./*.deb
[ "$(find . -maxdepth 1 -name '*.deb' | wc -l)" -ge 4 ] || fail "packages are missing in $checkout/build/package"
