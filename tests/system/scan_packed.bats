#!/usr/bin/env bats
# What scan does with what is packed: it looks into it, or names it.

export ABOUT_THE_TOOL=yes # see daemon.bash
load ../support/scan

setup_file() {
    start_daemon
    postern tier put free --limit requests=100/min --default
}

teardown_file() {
    drop_daemon
}

setup() {
    note_failures_only
    make_place
    make_account
}

# pack FORMAT FILE: standard input, by Python and by hand: no packer need be installed.
pack() {
    python3 -c '
import bz2, gzip, io, lzma, sys, tarfile, zipfile, zlib

def zstd(data):  # one frame with blocks that are not compressed
    out = b"\x28\xb5\x2f\xfd\xa0" + len(data).to_bytes(4, "little")
    for at in range(0, len(data), 100000):
        block = data[at:at + 100000]
        out += (len(block) << 3 | (at + 100000 >= len(data))).to_bytes(3, "little") + block
    return out

def lz4(data):  # likewise
    out = b"\x04\x22\x4d\x18\x60\x40\x82"
    for at in range(0, len(data), 65536):
        block = data[at:at + 65536]
        out += (len(block) | 1 << 31).to_bytes(4, "little") + block
    return out + bytes(4)

def compress(data):  # a code for each character; codes grow when the table would, which is not used
    out, at, width = b"\x1f\x9d\x90", 0, 9
    while at < len(data):
        piece = data[at:at + (1 << width - 1)]
        out += sum(c << width * i for i, c in enumerate(piece)).to_bytes((width * len(piece) + 7) // 8, "little")
        at += len(piece)
        width = min(width + 1, 16)
    return out

def lzip(data):
    dictionary = 1 << 20
    packed = lzma.compress(data, lzma.FORMAT_RAW, filters=[{"id": lzma.FILTER_LZMA1, "dict_size": dictionary}])
    size = 6 + len(packed) + 20
    return b"LZIP\x01\x14" + packed + b"".join(
        n.to_bytes(width, "little") for n, width in ((zlib.crc32(data), 4), (len(data), 8), (size, 8)))

def pdf(data):
    return b"%PDF-1.4\n1 0 obj <</Filter/FlateDecode>> stream\n" + zlib.compress(data) + b"endstream\n"

def tar(data):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name, content in (("readme", b"nothing here"), ("var/log/access", data)):
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return out.getvalue()

def ar(data):  # as in a .deb
    out = b"!<arch>\n"
    for name, content in (("debian-binary", b"2.0\n"), ("data.tar.gz", gzip.compress(tar(data)))):
        head = f"{name:16}{0:<12}{0:<6}{0:<6}{100644:<8}{len(content):<10}"
        out += head.encode() + b"`\n" + content + b"\n" * (len(content) % 2)
    return out

def zip_(data, how):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", how) as archive:
        archive.writestr("readme", "nothing here")
        archive.writestr("var/log/access", data)
    return out.getvalue()

packers = {"gz": gzip.compress, "xz": lzma.compress, "bz2": bz2.compress, "zst": zstd, "tar": tar,
           "lzma": lambda data: lzma.compress(data, lzma.FORMAT_ALONE), "lz4": lz4, "Z": compress, "lz": lzip,
           "ar": ar, "zlib": zlib.compress, "pdf": pdf,
           "zip": lambda data: zip_(data, zipfile.ZIP_DEFLATED),
           "stored.zip": lambda data: zip_(data, zipfile.ZIP_STORED)}
data = sys.stdin.buffer.read()
sys.stdout.buffer.write(packers[sys.argv[1]](data))' "$1" >"$2"
}

@test "scan looks into what is packed, one in another, and names the file inside" {
    make_key "$ACCOUNT" leaked
    local format
    for format in gz xz zst bz2 lzma lz lz4 Z tar zip stored.zip; do
        { head -c 200000 /dev/zero | tr '\0' '.'; printf '\nKEY=%s\n' "$TOKEN"; } | pack "$format" "$PLACE/log.$format"
        scan 1 "$PLACE/log.$format" --json
        answer ".key_id == \"$KEY_ID\" and .line == 2"
        case $format in
        tar | *zip) answer ".file == \"$PLACE/log.$format!var/log/access\"" ;;
        *) answer ".file == \"$PLACE/log.$format\"" ;;
        esac
    done
    pack gz "$PLACE/all.tar.gz" < <(pack tar /dev/stdout <"$PLACE/log.zip")
    scan 1 "$PLACE/all.tar.gz"
    [[ "$output" == "$PLACE/all.tar.gz!var/log/access!var/log/access:2: $KEY_ID "* ]]
    [[ "$stderr" == *"3 files scanned, 1 token found"* ]]
    scan 1 - <"$PLACE/log.xz"
    [[ "$output" == "-:2: $KEY_ID "* ]]
}

@test "scan looks into a package of Debian, which is an ar with a packed tar in it" {
    make_key "$ACCOUNT" leaked
    echo "KEY=$TOKEN" | pack ar "$PLACE/some.deb"
    scan 1 "$PLACE/some.deb" --json
    answer ".key_id == \"$KEY_ID\" and .file == \"$PLACE/some.deb!data.tar.gz!var/log/access\""
    echo "KEY=$TOKEN" | pack ar "$PLACE/whole"
    head -c 300 "$PLACE/whole" >"$PLACE/cut.deb"
    scan 1 "$PLACE/cut.deb"
    [[ "$stderr" == *"cannot read $PLACE/cut.deb"* ]]
}

@test "what scan cannot read is named and counted, and exits 1 unless --skip-unreadable" {
    echo nothing | pack gz "$PLACE/good.gz"
    head -c 100000 /dev/urandom | pack gz "$PLACE/whole.gz"
    head -c 50000 "$PLACE/whole.gz" >"$PLACE/cut.gz"
    printf '7z\274\257\047\034 and so on' >"$PLACE/other.7z"
    rm "$PLACE/whole.gz"
    TOKEN=none-is-here-none-is-here-none-is-here-none-is-here-none
    scan 1 "$PLACE"
    [[ "$stderr" == *"cannot read $PLACE/cut.gz: "*"cannot read $PLACE/other.7z: "* ]]
    [[ "$stderr" == *"; 2 could not be read"* ]]
    [[ "$stderr" != *"good.gz"* ]]
    scan 0 "$PLACE" --skip-unreadable
    [[ "$stderr" == *"cannot read $PLACE/cut.gz: "*"2 could not be read and were skipped"* ]]
    scan 1 "$PLACE" --json
    [ "$(jq -r 'select(.unreadable) | .file' <<<"$output" | sort | tr '\n' ' ')" = "$PLACE/cut.gz $PLACE/other.7z " ]
    scan 1 "$PLACE/there-is-none" --skip-unreadable
    # A key that works is none the less for that.
    make_key "$ACCOUNT" leaked
    echo "$TOKEN" >"$PLACE/secret"
    scan 1 "$PLACE" --skip-unreadable
}

@test "scan of a bomb ends: what is packed too deep is named, not unpacked" {
    local n
    echo nothing >"$PLACE/bomb"
    for n in 1 2 3 4 5 6 7 8 9; do
        pack gz "$PLACE/next" <"$PLACE/bomb"
        mv "$PLACE/next" "$PLACE/bomb"
    done
    TOKEN=none-is-here-none-is-here-none-is-here-none-is-here-none
    scan 1 "$PLACE"
    [[ "$stderr" == *"cannot read $PLACE/bomb: it is packed more than 8 times"* ]]
}

@test "what is packed in what scan does not read is named, and exits 1" {
    make_key "$ACCOUNT" leaked
    local format
    for format in zlib pdf; do
        echo "KEY=$TOKEN" | pack "$format" "$PLACE/some.$format"
        scan 1 "$PLACE/some.$format"
        [ -z "$output" ]
        [[ "$stderr" == *"cannot read $PLACE/some.$format: "*"scan "*"; 1 could not be read" ]]
        scan 0 "$PLACE/some.$format" --skip-unreadable
    done
    printf '\037\235\340 and so on' >"$PLACE/other.Z"
    printf 'PACK\0\0\0\2 and so on' >"$PLACE/other.pack"
    printf 'hsqs\7\0\0\0 and so on' >"$PLACE/other.snap"
    printf 'xar!\0\034\0\1 and so on' >"$PLACE/other.xar"
    scan 1 "$PLACE" --json
    [ "$(jq -r 'select(.unreadable) | .file' <<<"$output" | wc -l)" -eq 6 ]
}

@test "a text that only begins like something packed is named, and the token that it has in clear is found" {
    make_key "$ACCOUNT" leaked
    local beginning
    for beginning in 'PK\003\004' '\037\213\010' '\037\213\010\0\0\0\0\0\0\003' '\375\067zXZ\0' '(\265/\375' \
        'BZh91AY&SY' 'LZIP\001' '\004\042\115\030' '\037\235\220' '\037\235\340' '7z\274\257\047\034' \
        ']\0\0\200\0\377\377\377\377\377\377\377\377' '%%PDF-1.7 /Filter'; do
        # shellcheck disable=SC2059
        { printf "$beginning"; head -c 3000000 /dev/zero | tr '\0' '.'; printf '\nKEY=%s\n' "$TOKEN"; } >"$PLACE/text"
        scan 1 "$PLACE/text"
        [[ "$output" == "$PLACE/text:2: $KEY_ID "* ]] || { echo "$beginning: $output $stderr"; return 1; }
        [ "${#lines[@]}" -eq 1 ]
        [[ "$stderr" == *"cannot read $PLACE/text: "*"; 1 could not be read" ]]
        scan 1 "$PLACE/text" --skip-unreadable
        # shellcheck disable=SC2059
        scan 1 - < <(printf "$beginning"; printf ' KEY=%s\n' "$TOKEN")
        [[ "$output" == "-:1: $KEY_ID "* ]]
        # shellcheck disable=SC2059
        { printf "$beginning"; printf ' KEY=%s\n' "$TOKEN"; } | pack gz "$PLACE/text.gz"
        scan 1 "$PLACE/text.gz"
        [[ "$output" == "$PLACE/text.gz:1: $KEY_ID "* ]]
    done
}

@test "what scan finds before the damage is shown once, and so is what stands behind the packed part" {
    make_key "$ACCOUNT" leaked
    local leaked=$KEY_ID
    echo "$TOKEN" | pack tar "$PLACE/whole.tar"
    head -c 2048 "$PLACE/whole.tar" >"$PLACE/cut.tar"
    head -c 1000 /dev/zero | tr '\0' '.' >>"$PLACE/cut.tar"
    rm "$PLACE/whole.tar"
    scan 1 "$PLACE"
    [[ "$output" == "$PLACE/cut.tar!var/log/access:1: $leaked "* ]]
    [ "${#lines[@]}" -eq 1 ]
    rm "$PLACE/cut.tar"
    for format in gz zip; do
        echo nothing | pack "$format" "$PLACE/added"
        echo "KEY=$TOKEN" >>"$PLACE/added"
        scan 1 "$PLACE/added"
        [[ "$output" == "$PLACE/added:"*": $leaked "* ]]
        [ "${#lines[@]}" -eq 1 ]
    done
}

@test "a text that begins like zlib, as x^2 does, is a text" {
    TOKEN=none-is-here-none-is-here-none-is-here-none-is-here-none
    printf 'x^2 + y^2 = z^2\n' >"$PLACE/short"
    { printf 'x^2'; head -c 100000 /dev/zero | tr '\0' U; } >"$PLACE/long"
    scan 0 "$PLACE"
    [[ "$stderr" == "2 files scanned"* ]]
}
