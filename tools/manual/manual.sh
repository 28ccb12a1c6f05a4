#!/bin/sh
# Makes the manual and the completions from what the programs say of themselves: manual.sh BIN HEADER OUT.
set -eu
bin=$1 header=$2 out=$3
here=$(dirname "$0")
parts=$out/parts
rm -rf "$out"
mkdir -p "$parts"
from() {
    want=$1
    shift
    awk -v WANT="$want" -f "$here/text.awk" -f "$@"
}
"$here/table.sh" "$bin/postern" >"$parts/table"
"$bin/posternd" --help >"$parts/posternd"
"$bin/postern-bench" --help >"$parts/bench"
from commands "$here/commands.awk" "$parts/table" >"$parts/commands"
from general "$here/commands.awk" "$parts/table" >"$parts/general"
from below "$here/commands.awk" "$parts/table" >"$parts/below"
from options "$here/settings.awk" "$parts/posternd" >"$parts/options"
from settings "$here/settings.awk" "$parts/posternd" >"$parts/settings"
from commands "$here/bench.awk" "$parts/bench" >"$parts/measurements"
from opening "$here/functions.awk" "$header" >"$parts/opening"
from functions "$here/functions.awk" "$header" >"$parts/functions"

page() {
    name=$1
    shift
    "$here/page.sh" "$here/$name.scd" "$out/$name" "$@"
}
page posternd.8 options="$parts/options"
page posternd.yaml.5 settings="$parts/settings"
page postern.1 commands="$parts/commands" general="$parts/general" below="$parts/below"
page postern-bench.1 commands="$parts/measurements"
if [ -x "$bin/postern-gateway" ]; then
    ARGP_HELP_FMT=opt-doc-col=60,rmargin=9999 "$bin/postern-gateway" --help >"$parts/gateway"
    from options "$here/gateway.awk" "$parts/gateway" >"$parts/doors"
    page postern-gateway.8 options="$parts/doors"
fi
page libpostern.3 opening="$parts/opening" functions="$parts/functions"
from names "$here/functions.awk" "$header" | while IFS= read -r name; do
    echo ".so man3/libpostern.3" >"$out/$name.3"
done

from zsh "$here/completion.awk" "$parts/table" >"$out/_postern"
from fish "$here/completion.awk" "$parts/table" >"$out/postern.fish"
rm -rf "$parts"
