#!/bin/sh
# Prints what `postern help` knows as a table, which manual and completions are made of: table.sh POSTERN.
#
#   c  WORDS  OPERANDS  SUMMARY       a command
#   o  WORDS  OPTION  ARGUMENT  HELP  its option, "account put" "limit" "TEXT..." "instead of ..."
#   o  -      OPTION  ARGUMENT  HELP  an option of every command
#   t  WORDS  LINE                    what its help says below the options
#   e  -      LINE                    what the general help says there
set -eu
postern=$1
export ARGP_HELP_FMT=opt-doc-col=60,rmargin=9999 # a line for each option
unset POSTERN_URL POSTERN_API_KEY POSTERN_TOKEN

# options WORDS: of the help that comes by standard input, those of the command (of all commands for -), and the rest.
options() {
    awk -v words="$1" -v OFS='\t' '
        /^ Options of every command:/ { general = 1; next }
        match($0, /^ +(-[A-Za-z], )?--[a-z-]+/) {
            seen = 1
            if (general != (words == "-")) next
            option = $0
            sub(/^ +(-[A-Za-z], )?--/, "", option)
            text = option
            sub(/[ =[].*/, "", option)
            text = substr(text, length(option) + 1)
            argument = ""
            if (text ~ /^=/) {
                argument = text
                sub(/^=/, "", argument)
                sub(/ .*/, "", argument)
                text = substr(text, length(argument) + 2)
            }
            sub(/^ +/, "", text)
            print "o", words, option, argument, text
            next
        }
        general && seen && (below || $0 != "") { below = 1; print words == "-" ? "e" : "t", words, $0 }'
}

general=$("$postern" help)
printf '%s\n' "$general" | options -
printf '%s\n' "$general" | sed -n '/^Commands:/,/^$/s/^  \([a-z]*\( [a-z][a-z-]*\)\{0,1\}\)  .*/\1/p' |
    while IFS= read -r words; do
        # shellcheck disable=SC2086 # two words are two arguments
        help=$("$postern" help $words)
        printf '%s\n' "$help" | awk -v words="$words" -v OFS='\t' '
            NR == 1 {
                operands = $0
                sub("^Usage: postern " words " ?", "", operands)
                sub(/ ?\[OPTION\.\.\.\]$/, "", operands)
            }
            NR == 2 { print "c", words, operands, $0; exit }'
        printf '%s\n' "$help" | options "$words"
    done
