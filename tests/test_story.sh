# test_story.sh - the first thing a new user sees: the built-in model's story ends, by the end of text or where the model
# would begin a conversation of its own. With WKV_LONG set, 100 seeds.
. "$(dirname "$0")/expect.sh"
last=10 least=8
[ -z "$WKV_LONG" ] || last=100 least=90

# stories OPTION...: the stories of all seeds into out, and in $ended how many of them end within 400 tokens
stories() {
    ended=0
    : >out
    for seed in $(seq 1 $last); do
        "$WKV" generate --seed "$seed" -n 400 --stats "$@" "Once upon a time" </dev/null >>out 2>err
        grep -q "written 400 tokens" err || ended=$((ended + 1))
    done
}

# at_least N TEXT
at_least() { if [ "$ended" -ge "$1" ]; then pass; else fail "$ended of $last $2, expected at least $1"; fi; }

stories
at_least $least "stories end within 400 tokens"
lacks out "User:"
# Logits differ in their last bits from one instruction set to another, and so does the number of ends; 90 of 100 with
# AVX-512.
stories --no-stop
at_least $((least - last / 20)) "texts end within 400 tokens by themselves"
holds out "User:"

run 2 generate --no-stop --stop x "Once"
holds err '--no-stop and --stop "x" are mutually exclusive'

echo "$passed passed, $failed failed, $skipped skipped"
[ $failed = 0 ]
