#!/bin/sh
# test_peers.sh - bench/peers: programs take turns, the table has their medians and ratios, and finds its place in a document.
. "$(dirname "$0")/expect.sh"
peers=$here/../bench/peers

# a program whose speed changes each time, and one with the report of wkv bench that needs no time
cat >fake <<'END'
n=$(($(cat runs 2>/dev/null || echo 0) + 1))
echo $n >runs
echo "fake: best 999 tok/s, mean ${n}00.5 tok/s"
echo "  prefill 512: $((n * 1000)) tok/s"
END
cat >report <<'END'
#!/bin/sh
printf '{\n  "threads": 2,\n  "decode": {\n    "texts": 1,\n    "tokens_per_s": 401.0\n  },\n'
printf '  "prefill": [\n    {\n      "tokens": 64,\n      "tokens_per_s": 1\n    },\n'
printf '    {\n      "tokens": 512,\n      "tokens_per_s": 6000\n    }\n  ]\n}\n'
END
chmod +x report
cp "$here/../models/default.gguf" m.gguf
printf 'before\n<!-- peers other -->\nkept\n<!-- end other -->\n' >document
bench() { sh "$peers" --only none m.gguf "$@" >out 2>err; }

bench --wkv ./report -r 3 --against "fake=sh fake" --against "it's silent=echo no figure" --into document
is $? 0 "the status of bench/peers"
is "$(cat runs)" 3 "runs of the other program"
holds document "kept"
holds document "**m**, 2 threads, 3 rounds"
holds document "| wkv | 401 | 401 - 401 |  | 6000 | 6000 - 6000 |  |"
holds document "| fake | 200 | 100 - 300 | 2.00x | 2000 | 1000 - 3000 | 3.00x |"
holds document "| it's silent | | | | | | |"
is "$(sed -n 's/.*, decode, \([wf][a-z]*\): .*/\1/p' err | tr '\n' ' ')" "wkv fake wkv fake wkv fake " "turns"
bench --wkv ./report -r 2 --test prefill --against "fake=sh fake"
is "$(sed -n 's/^| fake |//p' out)" " 4500 | 4000 - 5000 | 1.35x |" "prompts alone"
bench --wkv "$WKV" -t 1 -r 1 --against "fake=sh fake" --into document
is $? 0 "the status of bench/peers with the real wkv"
is "$(grep -c 'peers m -->' document)" 1 "a second table takes the place of the first"
holds document "**m**, 1 threads, 1 rounds"
is "$(grep -c '^| fake |.*x |.*x |$' document)" 1 "lines with two ratios"
holds document "kept"

bench --wkv ./report
is $? 2 "the status without another program"
holds err "nothing to compare with"
sh "$peers" --wkv ./report >out 2>err
is $? 2 "the status without a model"
sh "$peers" --wkv "$WKV" --against "fake=sh fake" missing.pth >out 2>err
is $? 2 "the status without the model's file"
holds err "missing.pth"

echo "$passed passed, $failed failed, $skipped skipped"
[ $failed = 0 ]
