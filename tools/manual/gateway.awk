# From `postern-gateway --help`, a line for each option: its options.
match($0, /^ +(-[A-Za-z?], )?--[a-z-]+/) {
    option = $0
    sub(/^ +/, "", option)
    text = option
    sub(/.*--/, "--", option)
    split(text, part, /  +/)
    name = part[1]
    sub(/^-[A-Za-z?], /, "", name)
    argument = ""
    if (split(name, value, "=") == 2) {
        name = value[1]
        argument = value[2]
    }
    help = part[2]
    for (i = 3; i in part; i++) help = help " " part[i]
    printf "*%s*%s\n\t%s\n\n", name, argument != "" ? " _" escape_inside(argument) "_" : "", escape(help)
}
