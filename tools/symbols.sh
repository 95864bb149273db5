#!/bin/sh
# symbols.sh BUILD - print the names that libwkv.so and libwkv.a define for others. Fails if one does not begin with wkv_.
exported=$(nm -D --defined-only "$1/libwkv.so" | awk '{ print $NF }'; nm -g --defined-only "$1/libwkv.a" | awk 'NF == 3 { print $3 }')
echo "$exported" | sort -u
if echo "$exported" | grep -qv '^wkv_'; then
    echo "symbols.sh: names that are not wkv_*:" $(echo "$exported" | grep -v '^wkv_') >&2
    exit 1
fi
