# Plain text as scdoc wants it: text_line() for each line, text_end() behind the last one. Lines that begin with two
# blanks stand as they are, others are one paragraph up to an empty line. TAB: how far all is moved in.

function escape_inside(text) {
    gsub(/[\\*_]/, "\\\\&", text)
    return text
}

# For the beginning of a line.
function escape(text) {
    text = escape_inside(text)
    return text ~ /^[-#[|;.:`]/ ? "\\" text : text
}

function text_state(state) {
    if (text_now == state) return
    if (text_now == "literal") print TAB "```"
    if (text_now != "") print ""
    if (state == "literal") print TAB "```"
    text_now = state
}

function text_line(line) {
    if (line ~ /^ *$/) text_gap = text_now
    else if (line ~ /^  /) {
        if (text_gap == "literal" && text_now == "literal") print ""
        text_state("literal")
        print TAB line
        text_gap = ""
    } else {
        if (text_gap == "paragraph") text_state("")
        text_state("paragraph")
        print TAB escape(line)
        text_gap = ""
    }
}

function text_end() {
    text_state("")
    text_gap = ""
}
