# shellcheck shell=bash
# Copyright 2026 The Postern authors. SPDX-License-Identifier: Apache-2.0
# Completion of postern's commands and options in bash; source it, or install it as
# /usr/share/bash-completion/completions/postern. It reads `postern help`, so it knows what the program knows.

_postern_words() {
    "$1" help 2>/dev/null | sed -n '/^Commands:/,/^$/s/^  \([a-z]*\)\( \([a-z-]*\)\)\{0,1\}  .*/\1 \3/p'
}

# What an option takes, where that is one of a few words.
_postern_values() {
    case $1 in
    --env | --add-env | --remove-env) echo "test live" ;;
    --type) echo "secret public" ;;
    --state) echo "active rolling disabled expired revoked" ;;
    --format) echo "json csv" ;;
    --charge-id) echo new ;;
    --by) echo "hour day" ;;
    --after) echo now ;;
    esac
}

_postern() {
    local program=${COMP_WORDS[0]} word=${COMP_WORDS[COMP_CWORD]} words='' command=()
    local index
    for ((index = 1; index < COMP_CWORD && ${#command[@]} < 2; index++)); do
        [[ ${COMP_WORDS[index]} == -* ]] || command+=("${COMP_WORDS[index]}")
    done
    local values
    values=$(_postern_values "${COMP_WORDS[COMP_CWORD - 1]}")
    if [ -n "$values" ]; then
        words=$values
    elif [[ $word == --* ]]; then
        # "tier put" has options; "verify -" is the command verify with an operand.
        words=$("$program" help "${command[@]}" 2>/dev/null || "$program" help "${command[0]}" 2>/dev/null)
        words=$(sed -nE 's/^ +(-[a-z], )?(--[a-z-]+).*/\2/p' <<<"$words")
    elif [ "${command[0]-}" = scan ]; then
        mapfile -t COMPREPLY < <(compgen -f -- "$word")
        compopt -o filenames 2>/dev/null
        return
    elif [ "${#command[@]}" -eq 0 ]; then
        words="$(_postern_words "$program" | cut -d' ' -f1 | sort -u) help"
    elif [ "${#command[@]}" -eq 1 ]; then
        words=$(_postern_words "$program" | sed -n "s/^${command[0]} //p")
    fi
    mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word")
}

complete -F _postern postern
