# From `posternd --help`: its options for posternd(8), or with WANT = "settings" those of its file for posternd.yaml(5).
/^  --/ {
    split(substr($0, 5), part, /  +/)
    name = argument = part[1]
    sub(/ .*/, "", name)
    argument = substr(argument, length(name) + 2)
    help = part[2]
    for (i = 3; i in part; i++) help = help " " part[i]
    if (WANT == "settings") {
        if (name ~ /^(config|check|clear-clock|help|version)$/) next
        gsub(/-/, "_", name)
        gsub(/ \(may be repeated\)$/, " (a list)", help)
        printf "*%s:* _%s_\n\t%s\n\n", escape(name), argument != "" ? escape_inside(argument) : "true|false", escape(help)
    } else
        printf "*--%s*%s\n\t%s\n\n", name, argument != "" ? " _" escape_inside(argument) "_" : "", escape(help)
}
