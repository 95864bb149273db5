#!/bin/sh
# symbols.sh BUILD - print the names that libwkv.so (macOS: libwkv.dylib) and libwkv.a define for others. Fails if one
# does not begin with wkv_.
if [ -e "$1/libwkv.dylib" ]; then
    exported=$(nm -gU "$1/libwkv.dylib" "$1/libwkv.a" | awk 'NF == 3 { sub(/^_/, "", $3); print $3 }')
else
    exported=$(nm -D --defined-only "$1/libwkv.so" | awk '{ print $NF }'
        nm -g --defined-only "$1/libwkv.a" | awk 'NF == 3 { print $3 }')
fi
echo "$exported" | sort -u
if echo "$exported" | grep -qv '^wkv_'; then
    echo "symbols.sh: names that are not wkv_*:" $(echo "$exported" | grep -v '^wkv_') >&2
    exit 1
fi
