# From the table of table.sh: the commands of postern with their options, for its page. WANT: "commands", "general" (the
# options of every command) or "below" (what the general help says below them).
BEGIN { FS = "\t" }

function end_text() {
    if (in_text) text_end()
    in_text = 0
}

function option(name, argument, help) {
    printf "*--%s*%s\n\t%s\n\n", name, argument != "" ? "=_" escape_inside(argument) "_" : "", escape(help)
}

$1 == "c" && WANT == "commands" {
    end_text()
    printf "## postern %s%s\n\n%s\n\n", $2, $3 != "" ? " " escape_inside($3) : "", escape($4)
}
$1 == "o" && (WANT == "commands") == ($2 != "-") && WANT != "below" { end_text(); option($3, $4, $5) }
$1 == "t" && WANT == "commands" || $1 == "e" && WANT == "below" {
    in_text = 1
    text_line(substr($0, length($1 $2) + 3))
}
END { end_text() }
