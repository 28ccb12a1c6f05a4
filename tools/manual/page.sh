#!/bin/sh
# Makes a page of the manual: page.sh PAGE.scd OUT [NAME=FILE]...; the line @NAME@ of the page is what FILE has.
set -eu
page=$1 out=$2
shift 2
cp "$page" "$out.scd"
for part; do
    sed -e "/^@${part%%=*}@\$/{r ${part#*=}" -e 'd;}' "$out.scd" >"$out.new"
    mv "$out.new" "$out.scd"
done
# Its date is that of the source, so that the same source gives the same page.
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(date -r "$page" +%s)} scdoc <"$out.scd" >"$out.new"
mv "$out.new" "$out"
rm "$out.scd"
