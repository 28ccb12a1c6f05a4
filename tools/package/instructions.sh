# shellcheck shell=bash
# Sourced: follows a Dockerfile's instructions in a root that is there, as far as that goes without an engine.

# instructions FILE STAGE: those of its n-th stage, a line for each, "RUN<TAB>what follows".
instructions() {
    awk -v stage="$2" '
        /^ *(#|$)/ { next }
        {
            line = line $0
            if (sub(/\\$/, "", line)) next
            word = line
            sub(/ .*/, "", word)
            sub(/^[A-Z]+ +/, "", line)
            if (word == "FROM") at++
            else if (at == stage) print word "\t" line
            line = ""
        }' "$1"
}

# words JSON: of a list in JSON, a line for each.
words() {
    sed 's/^\["//; s/"\]$//; s/", *"/\n/g' <<<"$1"
}

# follow FILE STAGE FROM: runs the stage in this root; COPY --from takes its files from the folder FROM, and COPY of the
# checkout finds it where it belongs. Sets IMAGE_USER, IMAGE_HEALTH, IMAGE_ENTRY, IMAGE_COMMAND.
follow() {
    local word rest
    local -a shell=(/bin/sh -c) parts
    IMAGE_USER=root IMAGE_HEALTH=() IMAGE_ENTRY=() IMAGE_COMMAND=()
    while IFS=$'\t' read -r word rest; do
        say "== $word $rest"
        case "$word" in
        SHELL) mapfile -t shell < <(words "$rest") ;;
        RUN) "${shell[@]}" "$rest" </dev/null || fail "this instruction of $1 failed: RUN $rest" ;;
        WORKDIR) cd "$rest" || fail "there is no $rest" ;;
        ENV) export "${rest?}" ;;
        USER) IMAGE_USER=$rest ;;
        HEALTHCHECK) mapfile -t IMAGE_HEALTH < <(words "${rest#* CMD }") ;;
        ENTRYPOINT) mapfile -t IMAGE_ENTRY < <(words "$rest") ;;
        CMD) mapfile -t IMAGE_COMMAND < <(words "$rest") ;;
        VOLUME) [ -d "$rest" ] || fail "the volume $rest is no folder" ;;
        STOPSIGNAL) ;;
        COPY)
            read -ra parts <<<"$rest"
            if [[ ${parts[0]} == --from=* ]]; then
                mkdir -p "${parts[2]}"
                cp "$3/"${parts[1]##*/} "${parts[2]}"
            else
                [ -f "${parts[1]}/CMakeLists.txt" ] || fail "the checkout is not at ${parts[1]}"
            fi
            ;;
        *) fail "$1: this does not know the instruction $word" ;;
        esac
    done < <(instructions "$1" "$2")
}
