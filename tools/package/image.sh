#!/usr/bin/env bash
# In a clean root (tools/packages-test) with packages in /src/with: makes the image that the Dockerfile describes,
# starts its program as its user, and asks for its health as the engine would.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
. tools/packages.sh
. tools/package/instructions.sh

follow "$PWD/Dockerfile" 2 /src/with
[ "$IMAGE_USER" != root ] || fail "the image's user is root"
[ ! -e /usr/bin/systemctl ] || fail "the image has all of systemd"

AS_USER=(setpriv --reuid "$IMAGE_USER" --regid "$IMAGE_USER" --clear-groups --inh-caps=-all --no-new-privs)

is_healthy() {
    "${AS_USER[@]}" timeout 6 "${IMAGE_HEALTH[@]}"
}

say "== ${IMAGE_ENTRY[*]} ${IMAGE_COMMAND[*]}, as $IMAGE_USER"
! is_healthy >/dev/null 2>&1 || fail "it is healthy before it runs"
"${AS_USER[@]}" setpriv --pdeathsig KILL "${IMAGE_ENTRY[@]}" "${IMAGE_COMMAND[@]}" &
daemon=$!
for ((try = 0; try < 20; try++)); do
    if is_healthy; then
        kill "$daemon"
        wait "$daemon" || fail "it did not stop well"
        say "The image's program runs as $IMAGE_USER, is healthy, and stops"
        exit 0
    fi
    sleep 1
done
fail "it is not healthy"
