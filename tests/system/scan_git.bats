#!/usr/bin/env bats
# What scan does with git's repositories: it cannot read their history, says so, and says which command can.

export ABOUT_THE_TOOL=yes # see daemon.bash
load ../support/scan

setup_file() {
    start_with_leak
}

teardown_file() {
    drop_daemon
}

setup() {
    note_failures_only
    make_place "a place"
}

# git_in DIRECTORY WORD...
git_in() {
    git -C "$1" -c user.name=x -c user.email=x@example.org -c commit.gpgsign=false "${@:2}"
}

need_git() {
    command -v git >/dev/null || skip "no git here; the other tests need none"
}

# commit FILE: with the token, and again without it, so that only the history has it.
commit_and_remove() {
    git init -q "$PLACE/r"
    echo "KEY=$TOKEN" >"$PLACE/r/$1"
    echo nothing >"$PLACE/r/readme"
    git_in "$PLACE/r" add "$1" readme
    git_in "$PLACE/r" commit -q -m settings
    git_in "$PLACE/r" rm -q "$1"
    git_in "$PLACE/r" commit -q -m gone
}

# run_advice: the command that scan gives for what it could not read.
run_advice() {
    local command=${stderr#*"only git can read: "}
    try bash -c "${command%%$'\n'*}"
}

@test "scan of a working copy whose history has the token names the repository, and the command it gives finds it" {
    need_git
    commit_and_remove settings
    scan 1 "$PLACE/r"
    [ -z "$output" ]
    [ "$(grep -c "cannot read" <<<"$stderr")" -eq 1 ]
    [[ "$stderr" == *"cannot read $PLACE/r/.git: "*"git -C '$PLACE/r' log -p --all "*" | postern scan -"* ]]
    [[ "$stderr" == *"1 file scanned, 0 tokens found"*"; 1 could not be read" ]]
    run_advice
    [ "$status" -eq 1 ]
    [[ "$output" == *": $KEY_ID "*" settings"* ]]
    scan 0 "$PLACE/r" --skip-unreadable
    [[ "$stderr" == *"; 1 could not be read and were skipped" ]]
    scan 1 "$PLACE/r" --json
    [ "$(jq -r 'select(.unreadable) | .file' <<<"$output")" = "$PLACE/r/.git" ]
}

@test "the command that scan gives finds what was amended, stashed, merged or is binary" {
    need_git
    local way
    for way in amended stashed binary; do
        rm -rf "$PLACE/r"
        git init -q "$PLACE/r"
        echo nothing >"$PLACE/r/settings"
        git_in "$PLACE/r" add settings
        git_in "$PLACE/r" commit -q -m nothing
        printf '%s\n' "$TOKEN" >"$PLACE/r/settings"
        case $way in
        amended)
            git_in "$PLACE/r" commit -q -a -m leaked
            echo nothing more >"$PLACE/r/settings"
            git_in "$PLACE/r" commit -q -a --amend -m mended
            ;;
        stashed) git_in "$PLACE/r" stash -q ;;
        binary)
            printf '\0\1\n%s\n' "$TOKEN" >"$PLACE/r/settings"
            git_in "$PLACE/r" commit -q -a -m leaked
            echo nothing >"$PLACE/r/settings"
            git_in "$PLACE/r" commit -q -a -m gone
            ;;
        esac
        scan 1 "$PLACE/r"
        run_advice
        [[ "$output" == *": $KEY_ID "* ]] || { echo "$way: $output $stderr"; return 1; }
    done
}

@test "a bare repository, whatever its name, and one that is given itself are named" {
    need_git
    commit_and_remove settings
    git clone -q --bare "$PLACE/r" "$PLACE/backup"
    rm -r "$PLACE/r"
    local path
    for path in "$PLACE" "$PLACE/backup" "$PLACE/backup/"; do
        scan 1 "$path"
        [[ "$stderr" == *"cannot read $PLACE/backup"*": it is a git repository"*"0 files scanned"* ]]
        run_advice
        [[ "$output" == *": $KEY_ID "* ]]
    done
}

@test "a working copy whose repository is elsewhere is named by its file .git" {
    mkdir "$PLACE/w"
    echo "gitdir: /elsewhere/.git/worktrees/w" >"$PLACE/w/.git"
    echo nothing >"$PLACE/w/readme"
    scan 1 "$PLACE/w"
    [[ "$stderr" == *"cannot read $PLACE/w/.git: it is a git repository"*"1 file scanned"*"; 1 could not be read" ]]
    need_git
    commit_and_remove settings
    git_in "$PLACE/r" worktree add -q "$PLACE/tree"
    scan 1 "$PLACE/tree"
    run_advice
    [[ "$output" == *": $KEY_ID "* ]]
}

@test "a token in a file that git keeps in clear is found, and git's own files are not counted" {
    mkdir -p "$PLACE/r/.git/objects/00" "$PLACE/r/.git/hooks"
    printf 'url = https://x:%s@example.org\n' "$TOKEN" >"$PLACE/r/.git/config"
    echo "$TOKEN" >"$PLACE/r/.git/hooks/push"
    echo "$TOKEN" >"$PLACE/r/.git/objects/00/11"
    echo nothing >"$PLACE/r/readme"
    scan 1 "$PLACE/r"
    [[ "${lines[0]}" == "$PLACE/r/.git/config:1: $KEY_ID "* ]]
    [[ "${lines[1]}" == "$PLACE/r/.git/hooks/push:1: $KEY_ID "* ]]
    [ "${#lines[@]}" -eq 2 ]
    [[ "$stderr" == *"1 file scanned, 2 tokens found"* ]]
}

@test "a directory .git without objects, and one with some of a repository's names, are files like others" {
    mkdir -p "$PLACE/.git" "$PLACE/objects" "$PLACE/refs"
    echo nothing >"$PLACE/.git/config"
    echo nothing >"$PLACE/objects/one"
    scan 0 "$PLACE"
    [[ "$stderr" == "2 files scanned"* ]]
    rm -r "$PLACE/.git"
    echo "gitdirectory" >"$PLACE/.git"
    scan 0 "$PLACE"
}

@test "K15 a real repository whose file is gone since, by git log -p" {
    need_git
    commit_and_remove settings
    scan 1 - --json < <(git_in "$PLACE/r" log -p --all)
    [ "$(jq -r .path <<<"$output" | sort -u)" = settings ]
    [ "$(jq -r .commit <<<"$output" | sort -u)" = "$(git_in "$PLACE/r" log --format=%H | sort -u)" ]
}
