#!/usr/bin/env bats
# What `cmake --install` leaves: programs that run, and a library that other projects find.

load ../support/failures

POSTERN_SOURCE=${POSTERN_SOURCE:-$(cd "$(dirname "$BATS_TEST_FILENAME")/../.." && pwd)}
POSTERN_BUILD=${POSTERN_BUILD:-$POSTERN_SOURCE/build/dev}

setup_file() {
    export INSTALLED=$BATS_FILE_TMPDIR/installed
    cmake --install "$POSTERN_BUILD" --prefix "$INSTALLED"
    export PKG_CONFIG_PATH
    PKG_CONFIG_PATH=$(dirname "$(find "$INSTALLED" -name libpostern.pc)")
    # What the library was built with, its users need, too.
    SANITIZER=$(ldd "$(find "$INSTALLED" -name libpostern.so)" | sed -nE 's/.*lib(a|t)san\.so.*/-fsanitize=\1/p')
    export SANITIZER=${SANITIZER/%=a/=address,undefined}
    export SANITIZER=${SANITIZER/%=t/=thread}
    cat >"$BATS_FILE_TMPDIR/use.c" <<'PROGRAM'
#include <postern/postern.h>
int main(void)
{
    const struct postern_options options = {.url = "ipc:///nobody/listens/here", .timeout_ms = 50};
    struct postern *client = NULL;
    struct postern_health_reply *reply = NULL;
    if (postern_open(&options, &client, NULL) != POSTERN_OK)
        return 2;
    enum postern_status status = postern_health(client, NULL, &reply, NULL);
    postern_close(client);
    return status == POSTERN_UNAVAILABLE ? 0 : 1;
}
PROGRAM
}

setup() {
    note_failures_only
    cd "$BATS_FILE_TMPDIR"
}

# Words of pkg-config and of SANITIZER are options of their own.
# shellcheck disable=SC2046,SC2086
@test "the installed library is found by pkg-config" {
    gcc -Wall -Werror -o shared use.c $(pkg-config --cflags --libs libpostern) $SANITIZER
    LD_LIBRARY_PATH=$(pkg-config --variable=libdir libpostern) ./shared
}

# shellcheck disable=SC2046,SC2086
@test "the installed archive is found by pkg-config" {
    local library
    library=$(pkg-config --variable=libdir libpostern)
    gcc -Wall -Werror -o static use.c $(pkg-config --cflags libpostern) "$library/libpostern.a" \
        $(pkg-config --static --libs libpostern | sed 's/-lpostern//') $SANITIZER
    ldd ./static | grep -q libpostern && return 1
    ./static
}

@test "the installed library and the archive are found by CMake" {
    cat >CMakeLists.txt <<'PROJECT'
cmake_minimum_required(VERSION 3.18)
project(user C)
find_package(postern 0.1 REQUIRED COMPONENTS static)
foreach(kind shared static)
  add_executable(by_${kind} use.c)
  target_link_libraries(by_${kind} PRIVATE postern::${kind})
endforeach()
PROJECT
    cmake -S . -B build -G Ninja -DCMAKE_PREFIX_PATH="$INSTALLED" -DCMAKE_C_FLAGS="$SANITIZER"
    cmake --build build
    build/by_shared
    build/by_static
}

@test "the installed programs run" {
    "$INSTALLED/sbin/posternd" --help
    "$INSTALLED/bin/postern" help
}

@test "the service that is installed starts the program that is installed, with its configuration" {
    local unit=$INSTALLED/lib/systemd/system/posternd.service
    grep -qxF "ExecStart=$INSTALLED/sbin/posternd --config $INSTALLED/etc/postern/posternd.yaml" "$unit"
    grep -qx 'd /var/lib/postern 0700 postern postern -' "$INSTALLED/lib/tmpfiles.d/posternd.conf"
    grep -q '^u postern ' "$INSTALLED/lib/sysusers.d/posternd.conf"
}

# offline FILE: the configuration is read, and the directory that is named is looked at instead of the file's.
offline() {
    run "$INSTALLED/sbin/posternd" --config "$1" --check "$BATS_FILE_TMPDIR/nowhere"
    [ "$status" -eq 1 ]
    [[ "$output" == *"holds no registry"* ]]
}

@test "posternd takes the configuration that is installed, also with all its examples" {
    offline "$INSTALLED/etc/postern/posternd.yaml"
    sed -E 's/^#([a-z]|  -)/\1/' "$INSTALLED/share/doc/postern-server/examples/posternd.yaml" >all.yaml
    grep -q '^tls_peer:' all.yaml
    offline "$BATS_FILE_TMPDIR/all.yaml"
    echo "nonsense: 1" >>all.yaml
    run "$INSTALLED/sbin/posternd" --config all.yaml --check "$BATS_FILE_TMPDIR/nowhere"
    [ "$status" -eq 2 ]
}

@test "manual, completions and the plain postern.proto are installed" {
    local file
    for file in man/man1/postern.1 man/man1/postern-bench.1 man/man3/libpostern.3 man/man3/postern_verify.3 \
        man/man5/posternd.yaml.5 man/man8/posternd.8 man/man8/postern-gateway.8 \
        postern/postern.proto zsh/vendor-completions/_postern \
        bash-completion/completions/postern fish/vendor_completions.d/postern.fish; do
        [ -s "$INSTALLED/share/$file" ]
    done
}

@test "the Dockerfile makes an image that runs as a user of its own and has a health check" {
    local file=$POSTERN_SOURCE/Dockerfile
    # shellcheck source=tools/package/instructions.sh
    . "$POSTERN_SOURCE/tools/package/instructions.sh"
    [ "$(instructions "$file" 1 | cut -f1 | sort -u | paste -sd' ')" = "COPY RUN SHELL WORKDIR" ]
    instructions "$file" 2 >"$BATS_TEST_TMPDIR/image"
    [ "$(awk -F'\t' '$1 == "USER" { print $2 }' "$BATS_TEST_TMPDIR/image")" = postern ]
    local health
    health=$(sed -n 's/^HEALTHCHECK\t.* CMD //p' "$BATS_TEST_TMPDIR/image")
    [ "$(words "$health" | paste -sd' ')" = "postern health" ]
    "$INSTALLED/bin/postern" help health
    [ "$(sed -n 's/^ENV\tPOSTERN_URL=//p' "$BATS_TEST_TMPDIR/image")" = \
        "$(sed -n 's/^  - \(ipc.*\)/\1/p' "$INSTALLED/etc/postern/posternd.yaml")" ]
}

@test "compose.yaml keeps data and socket in volumes, and takes from the program what it does not need" {
    gojq -e --yaml-input '(.services | keys) == ["cli", "postern"] and (.volumes | keys) == ["data", "run"] and
        all(.services[]; .read_only and .cap_drop == ["ALL"] and .security_opt == ["no-new-privileges:true"]) and
        .services.postern.volumes == ["data:/var/lib/postern", "run:/run/postern"]' "$POSTERN_SOURCE/compose.yaml"
}
