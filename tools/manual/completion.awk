# From the table of table.sh: completion of postern's commands and options, for WANT = "zsh" or "fish".
BEGIN { FS = "\t" }
$1 == "c" { words[++commands] = $2; summary[$2] = $4; operand[$2] = $3 }
$1 == "o" { n = ++options[$2]; name[$2, n] = $3; argument[$2, n] = $4; help[$2, n] = $5 }

# For single quotes of either shell.
function quoted(text) {
    if (WANT == "fish") gsub(/\\/, "\\\\&", text)
    gsub(/'/, WANT == "fish" ? "\\'" : "'\\''", text)
    return "'" text "'"
}

function first_of(command) {
    return command ~ / / ? substr(command, 1, index(command, " ") - 1) : command
}

# The words that an option takes, where it takes one of a few: "test|live...".
function choices(text) {
    sub(/\.\.\.$/, "", text)
    if (text == "HEX|new") return "new"
    if (text !~ /^[a-z]+(\|[a-z]+)+$/) return ""
    gsub(/\|/, " ", text)
    return text
}

function fish_option(condition, command, n) {
    printf "complete -c postern -n %s -l %s", quoted(condition), name[command, n]
    if (argument[command, n] != "") printf " -r"
    if (choices(argument[command, n]) != "") printf " -f -a %s", quoted(choices(argument[command, n]))
    if (argument[command, n] == "FILE") printf " -F"
    printf " -d %s\n", quoted(help[command, n])
}

function fish(   i, n, group) {
    print "# Completion of postern for fish, made by the build from what `postern help` says."
    print "function __postern_words"
    print "    string match -v -- '-*' (commandline -opc)[2..]"
    print "end"
    print "function __postern_begins # WORD...: are these the first words?"
    print "    set -l words (__postern_words)"
    print "    test (count $words) -ge (count $argv); and test \"$words[1..\"(count $argv)\"]\" = \"$argv\""
    print "end"
    print "complete -c postern -f"
    for (i = 1; i <= commands; i++) {
        group = first_of(words[i])
        if (group == words[i])
            printf "complete -c postern -n %s -a %s -d %s\n", quoted("test (count (__postern_words)) -eq 0"), group,
                quoted(summary[group])
        else {
            if (!seen[group]++)
                printf "complete -c postern -n %s -a %s\n", quoted("test (count (__postern_words)) -eq 0"), group
            printf "complete -c postern -n %s -a %s -d %s\n",
                quoted("test (count (__postern_words)) -eq 1; and __postern_begins " group),
                substr(words[i], length(group) + 2), quoted(summary[words[i]])
        }
        for (n = 1; n <= options[words[i]]; n++) fish_option("__postern_begins " words[i], words[i], n)
        if (operand[words[i]] ~ /PATH/)
            printf "complete -c postern -n %s -F\n", quoted("__postern_begins " words[i])
    }
    for (n = 1; n <= options["-"]; n++) fish_option("true", "-", n)
}

function zsh_option(command, n,   takes, text) {
    takes = argument[command, n]
    text = help[command, n]
    gsub(/[][\\:]/, "\\\\&", text)
    text = (takes ~ /\.\.\.$/ ? "*" : "") "--" name[command, n] (takes != "" ? "=" : "") "[" text "]"
    if (takes != "")
        text = text ":value:" (choices(takes) != "" ? "(" choices(takes) ")" : takes == "FILE" ? "_files" : " ")
    return quoted(text)
}

function zsh(   i, n, group) {
    print "#compdef postern"
    print "# Completion of postern for zsh, made by the build from what `postern help` says."
    print "local -a names specs"
    print "local -a given=(${${words[2,CURRENT-1]}:#-*})"
    print "specs=("
    for (n = 1; n <= options["-"]; n++) print "    " zsh_option("-", n)
    print ")"
    print "case \"$given[1] $given[2]\" in"
    for (i = 1; i <= commands; i++) {
        printf "%s)\n    specs+=(\n", words[i] ~ / / ? quoted(words[i]) : quoted(words[i] " ") "*"
        for (n = 1; n <= options[words[i]]; n++) print "        " zsh_option(words[i], n)
        print "    )"
        print "    specs+=(" (operand[words[i]] ~ /PATH/ ? "'*:file:_files'" : "'*:operand: '") ")"
        print "    ;;"
    }
    print "esac"
    print "if [[ $words[CURRENT] != -* ]]; then"
    print "    case \"$#given $given[1]\" in"
    print "    '0 ')"
    for (i = 1; i <= commands; i++)
        if (first_of(words[i]) == words[i]) zsh_name(words[i], words[i])
        else if (!seen[first_of(words[i])]++) zsh_name(first_of(words[i]), "")
    print "        _describe command names && return"
    print "        ;;"
    for (group in seen) {
        print "    " quoted("1 " group) ")"
        for (i = 1; i <= commands; i++)
            if (words[i] ~ "^" group " ") zsh_name(substr(words[i], length(group) + 2), words[i])
        print "        _describe command names && return"
        print "        ;;"
    }
    print "    esac"
    print "fi"
    print "_arguments : $specs"
}

function zsh_name(word, command,   text) {
    text = summary[command]
    gsub(/[\\:]/, "\\\\&", text)
    print "        names+=(" quoted(word (text != "" ? ":" text : "")) ")"
}

END { if (WANT == "fish") fish(); else zsh() }
