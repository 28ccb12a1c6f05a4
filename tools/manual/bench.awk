# From `postern-bench --help`: its commands and their options.
/^  [a-z]/ {
    match($0, /^  [a-z]+ +/)
    name = substr($0, 3, RLENGTH - 2)
    sub(/ +$/, "", name)
    printf "## postern-bench %s\n\n%s\n\n", name, escape(substr($0, RLENGTH + 1))
}
/^      --/ {
    match($0, /^      --[a-z]+( [A-Z]+)?/)
    split(substr($0, 9, RLENGTH - 8), part, " ")
    help = substr($0, RLENGTH + 1)
    sub(/^ +/, "", help)
    printf "*--%s*%s\n\t%s\n\n", part[1], 2 in part ? " _" part[2] "_" : "", escape(help)
}
