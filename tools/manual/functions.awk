# From postern/postern.h: WANT = "opening": its first comment; "functions": each function with the comment above it;
# "names": their names alone, a line for each.
/^#ifndef/ { opened = 1; if (WANT == "opening") { text_end(); exit } }
/SPDX-License/ { next }
WANT == "opening" && /^\/\// {
    text_line(substr($0, 4))
}
!opened || WANT == "opening" { next }
/^\/\/ ---/ {
    gsub(/^\/\/ -+ | -+$/, "")
    section = $0
    count = 0
    next
}
/^\/\// { if (!in_comment) count = 0; comment[++count] = substr($0, 4); in_comment = 1; next }
/^POSTERN_API/ { in_function = 1; prototype = "" }
in_function {
    prototype = prototype (prototype != "" ? " " : "") $0
    in_comment = 0
    if (!/;$/) next
    in_function = 0
    show()
    count = 0
    next
}
{ in_comment = 0; if (!/^$/) count = 0 }

function show(   name, i) {
    gsub(/POSTERN_(API|MUST_CHECK) /, "", prototype)
    gsub(/ +/, " ", prototype)
    gsub(/\( /, "(", prototype)
    name = prototype
    sub(/\(.*/, "", name)
    sub(/.*[ *]/, "", name)
    if (WANT == "names") {
        print name
        return
    }
    if (section != "") printf "## %s\n\n", toupper(section)
    section = ""
    printf "*%s*\n\n", escape_inside(prototype)
    TAB = "\t"
    for (i = 1; i <= count; i++) text_line(comment[i])
    text_end()
    TAB = ""
}
