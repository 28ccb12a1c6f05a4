# shellcheck shell=bash
# Sourced by tools/package/try.sh: what has to be true where the packages are installed.

GOOD=0

# good SENTENCE COMMAND...: says that it is so, or ends with what is not.
good() {
    local sentence=$1
    shift
    "$@" >"$HOME/look" 2>&1 || { cat "$HOME/look"; fail "NOT SO: $sentence"; }
    GOOD=$((GOOD + 1))
    say "   $sentence"
}

look_at_service() {
    local unit=/usr/lib/systemd/system/posternd.service
    good "there is a user postern without a shell, and its group" \
        eval 'getent passwd postern | grep ":/var/lib/postern:/usr/sbin/nologin$" && getent group postern'
    good "the folder of the socket is the group's" eval '[ "$(stat -c %U:%G:%a /run/postern)" = postern:postern:750 ]'
    good "the folder of the data is the daemon's" \
        eval '[ "$(stat -c %U:%G:%a /var/lib/postern)" = postern:postern:700 ]'
    good "the unit is valid, its manual too" eval 'systemd-analyze verify --man=yes '"$unit"' 2>&1 | tee /dev/stderr |
        { ! grep .; }'
    good "the unit is hardened: at most 2.0" systemd-analyze security --offline=true --threshold=20 --no-pager "$unit"
    good "the unit is watched" eval 'grep -qx Type=notify '"$unit"' && grep -q ^WatchdogSec= '"$unit"
    good "the service is enabled" test -L /etc/systemd/system/multi-user.target.wants/posternd.service
    grep -vx "log_level: warning" /etc/postern/posternd.yaml >"$HOME/shipped"
    good "there is an example of the configuration" \
        cmp /usr/share/doc/postern-server/examples/posternd.yaml "$HOME/shipped"
}

is_stripped() {
    ! readelf -S "$1" | grep -qE '\.(symtab|debug_)'
}

look_at_programs() {
    local file page
    for file in /usr/sbin/posternd /usr/bin/postern /usr/bin/postern-bench /usr/lib/*/libpostern.so.1; do
        good "${file##*/} is stripped" is_stripped "$file"
    done
    for page in "8 posternd" "5 posternd.yaml" "1 postern" "1 postern-bench" "3 libpostern" "3 postern_verify"; do
        # shellcheck disable=SC2086 # section and name
        good "man $page" eval 'man --warnings -E UTF-8 -l "$(man -w '"$page"')" 2>&1 >/dev/null | { ! grep .; }'
    done
    good "man postern tells of every command" eval \
        '[ "$(man postern | grep -c "^ *postern [a-z]* .*\|^ *postern [a-z]*$")" -gt 30 ]'
    # Its loader has another name in Debian 13.
    good "bash completes" bash -c '. /usr/share/bash-completion/bash_completion
        if declare -F _comp_load; then _comp_load postern; else _completion_loader postern; fi
        COMP_WORDS=(postern account r) COMP_CWORD=2
        _postern
        [[ ${COMPREPLY[*]} == *revoke-all* ]]'
    good "fish completes" fish -c 'complete -C "postern account put --e" | string match -q -- "--env*"'
    good "zsh completes" eval 'zsh tools/package/complete.zsh "postern account put --e" | grep -e --env'
}

look_at_library() {
    local flags
    cat >"$HOME/use.c" <<'C'
#include <postern/postern.h>
int main(void)
{
    struct postern *client = 0;
    if (postern_open(&(struct postern_options){.url = "ipc:///nobody"}, &client, 0) != POSTERN_OK)
        return 1;
    postern_close(client);
    return 0;
}
C
    flags=$(pkg-config --cflags --libs libpostern)
    good "a program links with libpostern.so.1" eval "gcc -o $HOME/shared $HOME/use.c $flags && $HOME/shared &&
        ldd $HOME/shared | grep libpostern.so.1"
    flags=$(pkg-config --static --cflags --libs libpostern)
    good "pkg-config --static links with libpostern.a" eval "gcc -o $HOME/static $HOME/use.c -Wl,-Bstatic -lpostern \
        -Wl,-Bdynamic ${flags/-lpostern/} && $HOME/static && ! ldd $HOME/static | grep libpostern"
    good "protoc reads the plain postern.proto" protoc -I /usr/share/postern --python_out="$HOME" postern.proto
}

# Members of the group may ask and nothing else, others not even that.
look_at_asking() {
    getent passwd asker >/dev/null || useradd --system --no-create-home --groups postern asker
    good "a member of the group may ask" \
        eval 'printf %s "$TOKEN" | setpriv --reuid asker --regid nogroup --init-groups postern verify -'
    good "a member of the group may not administer" \
        eval '! setpriv --reuid asker --regid nogroup --init-groups postern account put other'
    good "others may not even ask" eval '! printf %s "$TOKEN" | setpriv --reuid nobody --clear-groups postern verify -'
}
