# test_story.sh - the first thing a new user sees: the built-in model's story ends by the end of text, and an answer where
# the model would begin the user's next turn. With WKV_LONG set, 100 seeds.
. "$(dirname "$0")/expect.sh"
last=10 least=8
[ -z "$WKV_LONG" ] || last=100 least=90

# stories PROMPT OPTION...: the texts of all seeds into out, and in $ended how many of them end within 400 tokens
stories() {
    prompt=$1 ended=0
    shift
    : >out
    for seed in $(seq 1 $last); do
        "$WKV" generate --seed "$seed" -n 400 --stats "$@" "$prompt" </dev/null >>out 2>err
        grep -q "written 400 tokens" err || ended=$((ended + 1))
    done
}

# at_least N TEXT
at_least() { if [ "$ended" -ge "$1" ]; then pass; else fail "$ended of $last $2, expected at least $1"; fi; }

stories "Once upon a time"
at_least $least "stories end within 400 tokens"
lacks out "User:"

greeting=$(printf 'Guest: Hello!\n\nAssistant:')
stories "$greeting"
at_least $least "answers end within 400 tokens"
lacks out "User:"
stories "$greeting" --no-stop
holds out "User:"

run 2 generate --no-stop --stop x "Once"
holds err '--no-stop and --stop "x" are mutually exclusive'

echo "$passed passed, $failed failed, $skipped skipped"
[ $failed = 0 ]
