#!/bin/sh
# manual.sh [PROGRAM] - run every command of docs/manual.md again and put what it prints in the place of what is there.
# In a block that begins with ```console, a line "$ COMMAND" is a command and the lines up to the next one its output; the
# commands run one after another in one empty folder, where wkv is the program and README.md is the README.
root=$(cd "$(dirname "$0")/.." && pwd)
program=$(realpath "${1:-$root/wkv}")
here=$(mktemp -d) || exit 1
trap 'rm -rf "$here"' EXIT
cd "$here" || exit 1
mkdir bin && ln -s "$program" bin/wkv && cp "$root/README.md" .
export PATH="$here/bin:$PATH" COLUMNS=100 XDG_DATA_HOME="$here/data" XDG_STATE_HOME="$here/data" XDG_CACHE_HOME="$here/cache"

inside=
while IFS= read -r line; do
    case $inside$line in
    '```console') inside=y ;;
    'y```') inside= ;;
    'y$ '*)
        printf '%s\n' "$line"
        output=$(sh -c "${line#\$ }" 2>&1 </dev/null | sed 's/^```/~~~/') # a text may contain a fence
        [ -z "$output" ] || printf '%s\n' "$output"
        continue
        ;;
    y*) continue ;;
    esac
    printf '%s\n' "$line"
done <"$root/docs/manual.md" >manual.md
cp manual.md "$root/docs/manual.md"
