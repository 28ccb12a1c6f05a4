#!/bin/sh
# Makes postern.proto without protobuf-c, for other languages: plain.sh FROM TO. The bytes on the wire are the same.
set -eu
sed -E \
    -e '/^import "protobuf-c\//d' \
    -e '/^option \(pb_c_file\)/d' \
    -e 's/ \[\(pb_c_field\)[^]]*\];/;/' \
    -e 's|^// TO COMPILE, protoc needs .*|// TO COMPILE, protoc needs nothing else:|' \
    -e 's|^(//   protoc ).*|\1--python_out=. postern.proto|' \
    -e '/^package /a\
\
option go_package = "postern/v1;postern";\
option java_package = "postern.v1";\
option java_multiple_files = true;\
option csharp_namespace = "Postern.V1";\
option php_namespace = "Postern\\\\V1";\
option ruby_package = "Postern::V1";' "$1" >"$2.new"
if grep -n pb_c "$2.new" >&2; then
    echo "plain.sh: these lines of $1 would still need protobuf-c: write their option as [(pb_c_field)...] alone" >&2
    exit 1
fi
cat -s "$2.new" >"$2"
rm "$2.new"
