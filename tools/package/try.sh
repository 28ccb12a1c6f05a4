#!/usr/bin/env bash
# In a clean root (tools/packages-test) with packages in /src/with and those of a lower version in its folder lower:
# installs, upgrades, removes and purges them, and looks at what is there after each.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
. tools/packages.sh
. tools/package/look.sh

export DEBIAN_FRONTEND=noninteractive POSTERN_URL=ipc:///run/postern/postern.sock POSTERN_TIMEOUT=60s
HOME=$(mktemp -d)
PACKAGES=(libpostern-dev libpostern1 postern-server postern-tools)
! ls /src/with/postern-gateway_*.deb >/dev/null 2>&1 || PACKAGES+=(postern-gateway)

install_from() {
    apt-get -q -y install --no-install-recommends "$1"/*.deb
}

# As the unit does, without systemd.
AS_SERVICE=(setpriv --reuid postern --regid postern --clear-groups --inh-caps=-all --no-new-privs
    setpriv --pdeathsig KILL)

DAEMON=
start() {
    "${AS_SERVICE[@]}" posternd --config /etc/postern/posternd.yaml 2>>"$HOME/log" &
    DAEMON=$!
    postern health || { cat "$HOME/log"; fail "the installed posternd does not answer"; }
}

stop() {
    kill "$DAEMON"
    wait "$DAEMON" || fail "the installed posternd did not stop well"
}

tree() {
    find / -xdev \( -path /proc -o -path /sys -o -path /dev -o -path /tmp -o -path /src -o -path /var/lib/dpkg \
        -o -path /var/lib/apt -o -path /var/cache -o -path /var/log -o -path /run/systemd \) -prune -o -print | sort
}

say "== What the packages need"
apt-get -q update
# What they need and what this looks with, so that what is left in the end is theirs.
apt-get -q -y install --no-install-recommends systemd man-db zsh fish bash-completion gcc libc6-dev pkg-config \
    binutils protobuf-compiler >/dev/null
apt-get -q -y install --no-install-recommends /src/with/lower/*.deb >/dev/null
apt-get -q -y purge "${PACKAGES[@]}" >/dev/null
rm -rf /var/lib/postern
tree >"$HOME/before"

say "== Installing"
install_from /src/with/lower
look_at_service
look_at_programs
start
postern tier put free --limit requests=100/day --default
postern account put acme
TOKEN=$(postern create --account acme --name kept)
printf %s "$TOKEN" | postern verify -
look_at_asking
stop

say "== Upgrading, with a configuration that was changed"
echo "log_level: warning" >>/etc/postern/posternd.yaml
cp -a /var/lib/postern "$HOME/data"
install_from /src/with
for package in "${PACKAGES[@]}"; do
    [ "$(dpkg-query -W -f '${Version}' "$package")" = "$(dpkg-deb -f /src/with/"$package"_*.deb Version)" ] ||
        fail "$package was not upgraded"
done
good "the configuration is kept" grep -qx "log_level: warning" /etc/postern/posternd.yaml
good "the data is as it was" diff -r "$HOME/data" /var/lib/postern
look_at_service
look_at_programs
look_at_library
start
good "a key that was made before works" eval 'printf %s "$TOKEN" | postern verify -'
stop
# What was changed may differ; nothing may be missing or another one's.
dpkg --verify "${PACKAGES[@]}" >"$HOME/verified" || true
good "dpkg finds its files as it left them" eval '! grep -v " c /etc/postern/posternd.yaml$" "$HOME/verified"'

say "== Removing and purging"
apt-get -q -y remove "${PACKAGES[@]}" >/dev/null
good "removed, the configuration stays" test -f /etc/postern/posternd.yaml
good "removed, no program stays" \
    eval '[ ! -e /usr/sbin/posternd ] && [ ! -e /usr/bin/postern ] && [ ! -e /usr/bin/postern-bench ]'
dpkg --purge "${PACKAGES[@]}" # apt does not know those any more that left nothing
tree >"$HOME/after"
good "purged, the data stays, with the keyring" test -s /var/lib/postern/secrets/keyring
good "purged, its user stays and owns it" eval '[ "$(stat -c %U:%a /var/lib/postern)" = postern:700 ]'
diff "$HOME/before" "$HOME/after" | sed -n 's/^[<>] /&/p' | grep -vE '^> /var/lib/postern(/|$)' >"$HOME/left" || true
good "purged, nothing else has come or gone" eval '! grep . "$HOME/left"'
say "$GOOD looks, all good"
