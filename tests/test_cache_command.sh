#!/bin/sh
# test_cache_command.sh - the prefix cache of wkv generate and wkv chat: long prompts are read once, the output is the
# same, and short ones, --cache-disk 0 and folders that cannot be written leave nothing.
. "$(dirname "$0")/expect.sh"
seq -s ' ' 1 1200 >long.txt
files() { find "$XDG_CACHE_HOME" -name '*.safetensors' 2>/dev/null | wc -l | tr -d ' '; }

run 0 generate -n 5 --seed 1 --stats "Once upon a time"
is "$(files)" 0 "files after a short prompt"
run 0 generate -f long.txt -n 20 --seed 1 --stats --cache-disk 0
cp out plain
lacks err "cached"
is "$(files)" 0 "files with --cache-disk 0"

# ---- once ------------------------------------------------------------------------------------------------------------
run 0 generate -f long.txt -n 20 --seed 1 --stats
same out plain "the output of the run that fills the cache"
lacks err "cached"
is "$(files)" 1 "files after a long prompt"
run 0 generate -f long.txt -n 20 --seed 1 --stats
same out plain "the output from the cache"
holds err " of them cached, "
tokens=$(sed -n 's/^prompt \([0-9]*\) tokens.*/\1/p' err)
holds err "prompt $tokens tokens, $tokens of them cached"
run 0 generate -f long.txt -n 20 --seed 1 --stats --cache-disk 0
lacks err "cached"
posix "modes of folders" &&
    is "$(find "$XDG_CACHE_HOME/wkv" -type d -perm 700 | wc -l | tr -d ' ')" 3 "private folders"

# ---- the same beginning ----------------------------------------------------------------------------------------------
for i in 1 2 3; do
    (cat long.txt && echo " Question $i?") >"asked$i.txt"
    run 0 generate -f "asked$i.txt" -n 1 --no-echo --stats
done
holds err " of them cached, "
run 0 generate -f long.txt -n 1 --type q4_0 --no-echo --stats # another model
lacks err "cached"

# ---- chat ------------------------------------------------------------------------------------------------------------
seq -s ' ' 2000 3200 >book.txt
before=$(files)
echo hi | "$WKV" chat --read book.txt --seed 1 -n 10 >first 2>err
is "$(files)" $((before + 1)) "files after wkv chat --read"
echo hi | "$WKV" chat --read book.txt --seed 1 -n 10 >second 2>err
same first second "the answers with and from the cache"
is "$(files)" $((before + 1)) "files after the same text"

# ---- limits and failures ---------------------------------------------------------------------------------------------
run 0 generate -f asked1.txt -n 1 --no-echo --cache-disk 500k
seq -s ' ' 5000 6200 >other.txt
run 0 generate -f other.txt -n 1 --no-echo --cache-disk 500k
is "$(files)" 1 "files within 500 KB"
for size in -1 4X G 1e99 "" 5GG; do
    run 2 generate --cache-disk "$size" -n 1 x
    holds err "is not a size in bytes, such as 0, 500M or 4G"
done
rm -r "$XDG_CACHE_HOME"
echo "in its place" >"$XDG_CACHE_HOME"
run 0 generate -f long.txt -n 20 --seed 1
same out plain "the output without a folder for the cache"
is "$(cat err)" "" "standard error without a folder for the cache"
XDG_CACHE_HOME='' HOME='' "$WKV" generate -f long.txt -n 20 --seed 1 >out 2>err
same out plain "the output without a home"
echo "$passed passed, $failed failed, $skipped skipped"
[ $failed = 0 ]
