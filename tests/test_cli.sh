#!/bin/sh
# test_cli.sh - the program as its users meet it: what it prints where, its exit status, pipes and Ctrl-C.
# The model is tests/golden/models/v7-n32-f16.pth (V = 96, random weights) with the vocabulary cli/small.vocab.txt.
. "$(dirname "$0")/expect.sh"
models=$here/golden/models
model=$models/v7-n32-f16.pth
vocab=$here/cli/small.vocab.txt

# ---- help ------------------------------------------------------------------------------------------------------------
run 0
cp out overview
run 0 help
same overview out "wkv and wkv help"
run 0 --help
same overview out "wkv and wkv --help"
for variable in WKV_MODELS WKV_DATA WKV_ISA NO_COLOR XDG_DATA_HOME XDG_CACHE_HOME; do holds overview "  $variable "; done
run 0 --version
holds out "wkv "
for command in $(sed -n '/^Commands/,/^$/s/^  \([a-z]*\) .*/\1/p' overview); do
    run 0 "$command" --help
    is "$(wc -c <err | tr -d ' ')" 0 "what wkv $command --help says on standard error"
    holds out "Usage: wkv $command"
    holds out "--help"
    is "$(awk 'length > 100' out)" "" "lines of wkv $command --help that are too long"
    cp out help1
    run 0 help "$command"
    same help1 out "wkv help $command"
done
run 0 help --man
holds out ".TH WKV 1"
holds out '\fB\-\-top\-p\fR'
if command -v man >/dev/null && command -v groff >/dev/null; then
    is "$(groff -man -Tutf8 -ww out 2>&1 >/dev/null)" "" "groff on the manual page"
fi
for shell in bash zsh fish; do
    run 0 help --completion $shell
    holds out "top-p"
    if command -v $shell >/dev/null; then
        if $shell -n out 2>err; then pass; else fail "completion for $shell: $(cat err)"; fi
    fi
done

# ---- wrong usage: one sentence, a hint, status 2 -----------------------------------------------------------------------
# wrong TEXT ARGUMENTS...
wrong() {
    text=$1
    shift
    run 2 "$@"
    holds err "$text"
    holds err "Try: wkv"
    is "$(wc -l <err | tr -d ' ')" 2 "lines of standard error of wkv $*"
    is "$(wc -c <out | tr -d ' ')" 0 "what wkv $* prints"
}
wrong "did you mean generate?" genrate
wrong "unknown command 'xyzzy'" xyzzy
wrong "unknown command 'xyzzy'" help xyzzy
wrong "expected a command, found -m" -m x
wrong "did you mean --top-p?" generate --topp 1
wrong "unknown option --xyzzy" generate --xyzzy
wrong "unknown option -Z" generate -Z
wrong "--top-p: 1.5 is not between 0 and 1" generate --top-p 1.5
wrong "--top-p: 1.5 is not between 0 and 1" generate --top-p=1.5
wrong "--top-p: 'high' is not a number" generate --top-p high
wrong "--top-p: 'nan' is not a number" generate --top-p nan
wrong "-n: '3x' is not an integer" generate -n 3x
wrong "-n: 99999999999 is not between -1 and" generate -n99999999999
wrong "--seed: '-1' is not an integer" generate --seed -1
wrong "--top-p needs a value" generate --top-p
wrong "--no-echo takes no value" generate --no-echo=1
wrong "--think: 'maybe' is not one of off|short|medium|long|open|fake|fake-inline" chat --think maybe
wrong "unexpected argument 'b'" generate a b
wrong "train takes no arguments" train a
wrong "--tokens is missing" logits
wrong "--data is missing" train
wrong "--out is missing" train -d a
wrong "two arguments are needed" convert "$model"
wrong "--lora or --state is required" merge "$model" a.pth
wrong "--data is missing; it names the training samples" tune -o tuned
wrong "--truncate needs --infctx" tune -d twenty.jsonl -o tuned --truncate
wrong "--type: 'q9' is not one of" convert "$model" a.pth --type q9
wrong "--stop: the text is empty" generate --stop ""
wrong "two prompts" generate -f a b
wrong "this model has tokens 0 to 95, not 96" generate -m "$model" --vocab "$vocab" --ban 96
wrong "--bias: '5' is not" generate -m "$model" --vocab "$vocab" --bias 5
wrong "--start-token" generate -m "$model" --vocab "$vocab" --start-token 96 a

# ---- the world's errors: one sentence, status 1 ------------------------------------------------------------------------
# refused TEXT ARGUMENTS...
refused() {
    text=$1
    shift
    run 1 "$@"
    holds err "$text"
    is "$(wc -l <err | tr -d ' ')" 1 "lines of standard error of wkv $*"
    is "$(head -c 5 err)" "wkv: " "how the sentence of wkv $* begins"
}
echo "this is no model" >nothing.pth
refused "missing.pth" info missing.pth
refused "missing.pth" generate -m missing.pth x
refused "nothing.pth" info -m nothing.pth
refused "missing.txt" tokenize --vocab missing.txt x
refused "missing.txt" generate -m "$model" --vocab missing.txt x
refused "missing.txt" generate -m "$model" --vocab "$vocab" -f missing.txt
refused "missing.i32" logits -m "$model" --tokens missing.i32
refused "'this' is not a token id" logits -m "$model" --tokens nothing.pth
refused "is 96; the model" logits -m "$model" --tokens 1,2,96 -o x.f32
if [ -e x.f32 ] || [ -e x.f32.part ]; then fail "a failed run leaves a file"; else pass; fi
refused "no/such/folder" logits -m "$model" --tokens 1,2 -o no/such/folder/x.f32
: >empty
refused "no token ids in 'empty'" logits -m "$model" --tokens empty
refused "/dev/null: is a device, expected a regular file" logits -m "$model" --tokens /dev/null
refused "pirate" chat -m "$model" --vocab "$vocab" --template pirate

# ---- info --------------------------------------------------------------------------------------------------------------
run 0 info "$model"
holds out "RWKV-7"
holds out "96 tokens"
holds out "tokenizer    none"
run 0 info
holds out "  tokenizer    its own, inside the file"
run 0 info -m "$model" --vocab "$vocab"
holds out "small.vocab.txt"
run 0 info -m "$model" --json
holds out '"version": "7"'
holds out '"tokenizer": null'
if command -v jq >/dev/null; then is "$(jq -r '[.vocab, .layers > 0, .parameters > 0] | @csv' out)" "96,true,true" "info --json"; fi
for version in 4 5.0 5.1 5.2 6 7; do
    run 0 info "$(find "$models" -name "v$version-*.pth" | head -n 1)"
    holds out "RWKV-$version"
done

# ---- tokenize ----------------------------------------------------------------------------------------------------------
run 0 tokenize --vocab "$vocab" "the end" "a: User"
is "$(cat out)" "$(printf '83 17 1 17 26 16\n13 91 90')" "ids of two texts"
run 0 tokenize --vocab "$vocab" --json "in a"
is "$(cat out)" "[87, 86]" "ids as JSON"
run 0 tokenize --vocab "$vocab" --count "in a"
is "$(cat out)" 2 "how many ids"
run 0 tokenize --vocab "$vocab" -- "-and-"
is "$(cat out)" "73 93 73" "ids of a text that begins with a dash"
printf 'The end,\n\nUser and caf\303\251 \342\202\254.\n' >text
"$WKV" tokenize --vocab "$vocab" <text >ids
"$WKV" tokenize --vocab "$vocab" --decode <ids >back
same text back "text to ids and back"
is "$(printf '' | "$WKV" tokenize --vocab "$vocab" --count)" 0 "ids of nothing"
run 0 tokenize --vocab "$vocab" -d "[87, 86]"
is "$(cat out)" "in a" "ids to text"
refused "found 96" tokenize --vocab "$vocab" -d 96
refused "'-1' is not a token id" tokenize --vocab "$vocab" -d -- -1
printf '{"text": "in a"}\n\n{"id": 1, "text": "the\\n\\n"}\n{"text": ""}\n' >good.jsonl
run 0 tokenize --vocab "$vocab" --jsonl good.jsonl
is "$(cat out)" "$(printf '[87, 86]\n[83, 17, 82]\n[]')" "ids of documents"
run 0 tokenize --vocab "$vocab" --jsonl good.jsonl --count
is "$(tr '\n' ' ' <out)" "2 3 0 " "how many ids documents have"
printf '{"text": "in a"}\n{"text": 5}\n' >bad.jsonl
run 1 tokenize --vocab "$vocab" --jsonl bad.jsonl
holds err "bad.jsonl:2:"
printf '{"text": "in a"}\n\n{"text": "in\n' >bad.jsonl
run 1 tokenize --vocab "$vocab" --jsonl bad.jsonl
holds err "bad.jsonl:3: not JSON"
printf '{"text": "@"}\n' >bad.jsonl
run 1 tokenize --vocab "$vocab" --jsonl bad.jsonl
holds err "bad.jsonl:1:"

# ---- logits ------------------------------------------------------------------------------------------------------------
# near A B TOLERANCE WHAT: two files of float32
near() {
    paste "$1.txt" "$2.txt" | awk -v most="$3" '{ d = $1 - $2; if (d < 0) d = -d; if (!(d <= worst)) worst = d; n++ }
        END { if (n && worst <= most) exit 0; print "largest difference", worst, "of", n; exit 1 }' >difference
    if [ $? = 0 ]; then pass; else fail "$4: $(cat difference)"; fi
}
floats() { od -An -v -tf4 "$1" | tr -s ' ' '\n' | sed '/^$/d' >"$2.txt"; }
for name in v4-c32-f32 v5.0-n16-bf16 v5.1-n16-f16 v5.2-n32-bf16 v6-n16-bf16 v7-n32-f16; do
    floats "$models/$name.logits.f32" expected
    run 0 logits -m "$models/$name.pth" --tokens "$models/$name.tokens.i32" --all -o all.f32
    floats all.f32 all
    is "$(wc -l <all.txt | tr -d ' ')" "$(wc -l <expected.txt | tr -d ' ')" "how many logits $name has"
    near all expected 5e-5 "logits of $name"
    run 0 logits -m "$models/$name.pth" --tokens "$models/$name.tokens.i32" --all --mode step -o step.f32
    same all.f32 step.f32 "$name token by token"
    "$WKV" logits -m "$models/$name.pth" --tokens "$models/$name.tokens.i32" --all --chunk 7 -t 2 >chunk.f32
    same all.f32 chunk.f32 "$name in pieces of 7, two threads"
    run 0 logits -m "$models/$name.pth" --tokens "$models/$name.tokens.i32" --device reference -o last.f32
    floats last.f32 last
    tail -n "$(wc -l <last.txt)" expected.txt >end.txt
    near last end 5e-5 "last logits of $name on the reference device"
done
if [ -e all.f32.part ]; then fail "a .part file is left"; else pass; fi
run 0 logits -m "$model" --tokens "3, 1 4"
cp out three
printf '[3, 1, 4]\n' >three.txt
run 0 logits -m "$model" --tokens three.txt
same three out "ids from an argument and from a file of numbers"
printf '3\n1\n4\n' | "$WKV" logits -m "$model" --tokens - >out
same three out "ids from standard input"

# ---- generate ----------------------------------------------------------------------------------------------------------
# the options of all runs: only printable tokens, never the end
go="-m $model --vocab $vocab --ban 0 --ban 2 --ban 79 --ban 80 --ban 81 --ban 82 --ban 92"
# shellcheck disable=SC2086
gen() { run 0 generate $go "$@"; }
gen --seed 5 -n 60 "the end"
cp out five
is "$(wc -l <five | tr -d ' ')" 1 "lines of a text without newlines"
is "$(head -c 7 five)" "the end" "the prompt comes first"
gen --seed 5 -n 60 -t 1 "the end"
same out five "the same seed, one thread"
gen --seed 5 -n 60 -t 2 "the end"
same out five "the same seed, two threads"
gen --seed 6 -n 60 "the end"
if cmp -s out five; then fail "another seed gives the same text"; else pass; fi
gen --seed 5 -n 60 --no-echo "the end"
is "the end$(cat out)" "$(cat five)" "without the prompt"
printf 'the end\n' >prompt
gen --seed 5 -n 60 -f prompt
same out five "the prompt in a file"
# shellcheck disable=SC2086
"$WKV" generate $go --seed 5 -n 60 <prompt >out 2>err
same out five "the prompt on standard input"
# shellcheck disable=SC2086
"$WKV" generate $go --seed 5 -n 60 - <prompt >out 2>err
same out five "the prompt on standard input, asked for"
is "$(wc -c <err | tr -d ' ')" 0 "what generate says on standard error without --stats"
gen --seed 5 -n 60 --stats "the end"
same out five "--stats leaves standard output alone"
holds err "seed 5"
holds err "written 60 tokens"
gen --seed 5 -n 60 --stats --quiet "the end"
is "$(wc -c <err | tr -d ' ')" 0 "what --quiet leaves of --stats"
gen -n 30 --seed 1
cp out empty
gen -n 30 --seed 1 ""
same out empty "no prompt and an empty prompt"
gen -T 0 -n 20 "a" && cp out greedy
gen -T 0 -n 20 --seed 99 "a"
same out greedy "temperature 0 does not depend on the seed"
gen -T 0 -n 20 --bias 35=1000 "a"
is "$(cat out)" "awwwwwwwwwwwwwwwwwwww" "a bias that wins always"

# a stop string cut from the middle of the text ends it there, also when it is spread over tokens
for from in 12 21 30; do
    stop=$(tail -c +$from five | head -c 5)
    gen --seed 5 -n 60 --stop "never there" --stop "$stop" "the end"
    LC_ALL=C awk -v stop="$stop" -v skip=7 '{ t = substr($0, skip + 1); at = index(t, stop); print substr($0, 1, skip + at - 1) }' five >expected
    same out expected "stopped by '$stop'"
done
gen --seed 5 -n 60 --stop "$(head -c 7 five)x" "the end"
same out five "a stop string that is not there"

refused "cannot encode" generate -m "$model" --vocab "$vocab" "@"
refused "vocab" generate -m "$model" x

# pipes: a reader that leaves is no error
for command in "generate $go -n 5000 x" "tokenize --vocab $vocab --jsonl many.jsonl"; do
    [ -e many.jsonl ] || yes '{"text": "the end in a"}' | head -n 50000 >many.jsonl
    # shellcheck disable=SC2086
    { "$WKV" $command 2>err </dev/null; echo $? >status; } | head -c 1 >out
    is "$(cat status)" 0 "status of wkv $command | head -c 1"
    is "$(wc -c <err | tr -d ' ')" 0 "what it says"
done
if [ -w /dev/full ] && posix "a full disk that is a device"; then
    "$WKV" tokenize --vocab "$vocab" "in a" >/dev/full 2>err
    is $? 1 "status on a full disk"
    holds err "standard output"
fi
"$WKV" tokenize --vocab "$vocab" "in a" <&- >out
is "$(cat out)" "87 86" "with standard input closed"

# ---- chat --------------------------------------------------------------------------------------------------------------
# shellcheck disable=SC2086
chat() { "$WKV" chat $go --template world --seed 3 -n 12 "$@" 2>err; }
printf 'the end\nin a\n' | chat >two
is $? 0 "status of a chat"
is "$(wc -l <two | tr -d ' ')" 2 "answers to two turns"
printf 'the end\n' | chat | cmp -s - two && fail "one turn gives two answers"
printf '\n  \nthe end\n\nin a' | chat >out
same out two "blank lines are no turns"
printf 'the end\n/quit\nin a\n' | chat >one
is "$(wc -l <one | tr -d ' ')" 1 "answers before /quit"
head -n 1 two >expected
same one expected "the first answer"
printf '/reste\n/xyzzyxy\n/help\n/?\n/reset now\n/undo 2\n/save\n/etc/passwd is\n/system\n/quit now\n' | chat >out
is "$(wc -c <out | tr -d ' ')" 0 "answers to commands"
is "$(grep -c 'begin a new conversation$' err)" 2 "lists of commands"
is "$(grep '^  ' err | awk 'length > 79')" "" "lines of /help that a terminal of 80 columns wraps"
holds err "/reset takes no argument, found 'now'"
holds err "/undo takes no argument, found '2'"
holds err "/save needs an argument: /save FILE"
holds err "unknown command /etc/passwd; /help lists the commands, and a blank before the / makes the line a turn"
holds err "(no system text)"
holds err "/quit takes no argument, found 'now'"
holds err "did you mean /reset?"
holds err "unknown command /xyzzyxy"
holds err "/quit"
for leave in exit quit 'bye ' /bye /exit; do
    printf 'the end\n%s\nin a\n' "$leave" | chat >out
    same one out "a line of $leave"
done
printf ' exit\nthe end\n' | chat >out
is "$(wc -l <out | tr -d ' ')" 2 "answers where a blank is before exit"
printf '/system in a\nthe end\n' | chat -T 0 >out
printf 'the end\n' | chat -T 0 --system "in a" >expected
same out expected "a system text given in the conversation"
printf 'the end\n/system in a\nthe end\n' | chat -T 0 >out
is "$(tail -n 1 out)" "$(cat expected)" "and in its middle, where a new one begins"
printf ' /x\n' | chat >out 2>err
lacks err "unknown command /x"
printf 'the end\n@\n' | chat >out
is $? 1 "status when a turn cannot be spelled"
chat </dev/null >out
is $? 0 "status of an empty chat"

# The state of a conversation holds exactly what was shown: each second answer is what follows the whole text read at once.
# Every token is one character here, so that a text has one spelling only. The bias makes the model end its answers.
awk '$NF == 1' "$vocab" >characters.txt
alone="-m $model --vocab characters.txt -T 0 --bias 2=3 --ban 0"
for id in 79 80 81 82 83 84 85 86 87 88 89 90 91 92 93; do alone="$alone --ban $id"; done
# shellcheck disable=SC2086
goes_on() { "$WKV" generate $alone --no-echo -n "$1" --stop "$2" "$3" 2>err; }
for names in "plain User Assistant 9" "raven Bob Alice 9" "raven Bob Alice 60"; do
    # shellcheck disable=SC2086
    set -- $names
    case $1 in plain) begin="System: the" stop="

User:" ;; raven) begin="
the" stop="

" ;; esac
    text="$begin

$2: the end

$3:"
    first=$(goes_on "$4" "$stop" "$text")
    second=$(goes_on "$4" "$stop" "$text$first

$2: in a

$3:")
    printf '%s\n%s\n' "$first" "$second" | sed 's/^ *//' >expected
    # shellcheck disable=SC2086
    printf 'the end\nin a\n' | "$WKV" chat $alone --template $1 --system the -n "$4" >out 2>err
    same out expected "two answers in a row, template $1, at most $4 tokens"
    [ "$4" = 9 ] || lacks err "stopped after"
done

# ---- train -------------------------------------------------------------------------------------------------------------
for i in 1 2 3 4 5 6 7 8 9 10; do echo "the user and the end in $i"; done >learn.txt
small="-d learn.txt --vocab $vocab -L 1 -C 16 --head-size 16 -T 16 -b 2"
# shellcheck disable=SC2086
run 0 train $small -o run1 -n 20 -t 1 --seed 4
is "$(cat out)" "run1/final.safetensors" "what train prints"
holds err "step 20 of 20: loss"
holds err "% of the float32 peak)"
holds err "bits per byte"
holds err "20 of 20 steps in 0:0"
holds err "(last 10 steps), held-out loss "
holds err "; run1/final.safetensors"
holds err 'try it: wkv generate -m run1/final.safetensors "'
# shellcheck disable=SC2086
run 0 train $small -o run2 -n 20 -t 2 --seed 4 --quiet
is "$(wc -c <err | tr -d ' ')" 0 "what train --quiet says on standard error"
same run1/final.safetensors run2/final.safetensors "training with one thread and with two"
run 0 generate -m run1/final.safetensors -n 5 "the"
holds out "the"
# shellcheck disable=SC2086
export WKV_ISA=abacus # the instruction set is chosen for training as it is for reading
# shellcheck disable=SC2086
run 1 train $small -o run0 -n 1
holds err 'no instruction set is called "abacus"'
run 1 generate -m "$model" --vocab "$vocab" the
holds err 'no instruction set is called "abacus"'
unset WKV_ISA
run 0 train -d learn.txt -m run1/final.safetensors -o run3 -n 2 -T 16 -b 2
refused "missing.txt" train -d missing.txt --vocab bytes -o run4
# shellcheck disable=SC2086
refused "the folder has a run" train $small -o run1 -n 20
run 0 train --resume -o run1
is "$(cat out)" "run1/final.safetensors" "what a resumed run prints"
holds err "resuming after step 20"
refused "layers is 1 in the resumed run" train --resume -o run1 -L 2
refused "--valid is 0.01 in the resumed run, and 0.5 now" train --resume -o run1 --valid 0.5
refused "--clip is 1 in the resumed run, and 0 now" train --resume -o run1 --clip 0
# shellcheck disable=SC2086
run 0 train $small -o run6 -V 4 --plan
is "$(wc -c <out | tr -d ' ')" 0 "what train --plan prints"
holds err "RWKV-4, 1 layers of 16"
# shellcheck disable=SC2086
run 0 train $small -o run7 -e 2 --valid 0 --schedule wsd --micro-batch 1
holds err "are 2.00 epochs"
holds run7/train.html "<svg"

# ---- vocab -------------------------------------------------------------------------------------------------------------
run 0 vocab train -d learn.txt --size 262 -o made.vocab.txt
is "$(cut -d, -f1 out)" "made.vocab.txt: 262 ids" "what vocab train prints"
run 0 vocab show made.vocab.txt
holds out " user"
is "$(wc -l <out | tr -d ' ')" 261 "lines of vocab show"
run 0 vocab train -d learn.txt --size 90000 -o all.vocab.txt
holds err "the text yields only "
# shellcheck disable=SC2086
run 0 train $small --vocab 262 -o made
is "$(cat made/final.vocab.txt)" "$(cat made.vocab.txt)" "the vocabulary that train makes"
run 0 generate -m made/final.safetensors -n 3 user
wrong "expected 'train'" vocab
wrong "--out is missing" vocab train -d learn.txt

# ---- convert ---------------------------------------------------------------------------------------------------------
run 0 convert "$model" small.st
is "$(cat out)" "small.st: safetensors, web-rwkv names, f16, $(wc -c <small.st | awk '{ printf "%.0f kB", $1 / 1000 }')" "what wkv convert prints"
run 0 convert "$model" small.pth
run 0 logits -m "$model" --tokens 1,2,3 -o before.f32
run 0 logits -m small.pth --tokens 1,2,3 -o after.f32
same before.f32 after.f32 "logits of a converted model"
run 0 convert run1/final.safetensors trained.pth
run 0 generate -m trained.pth -n 3 "the"
run 0 convert run1/final.safetensors trained.gguf --type f16
run 0 convert trained.gguf again.st
run 0 generate again.st -n 3 "the"
echo "1 'x' 1" >other.vocab.txt
refused "other.vocab.txt: differs from the model's vocabulary" convert run1/final.safetensors other.pth
run 0 convert "$model" lone.pth
holds err "the file has no vocabulary"
run 0 convert "$here/../models/default.gguf" finer.gguf --type f16
holds err "the weights had 8 bits; precision lost by quantization is not restored"
run 0 convert trained.gguf finer.safetensors
lacks err "precision"
run 0 convert "$model" small.gguf --type bf16 --vocab "$vocab"
run 0 tokenize -m small.gguf "the end"
cp out inside
run 0 tokenize --vocab "$vocab" "the end"
same inside out "the vocabulary inside a GGUF"
refused "missing.txt" convert "$model" small2.gguf --vocab missing.txt
refused "unknown extension, expected .pth" convert "$model" small.onnx
refused "cannot store bf16, only f16" convert "$model" small2.st --type bf16
refused "missing.pth" convert missing.pth small2.pth
if ls small2* *.part-* >/dev/null 2>&1; then fail "a failed conversion leaves a file"; else pass; fi

# ---- tune, merge -----------------------------------------------------------------------------------------------------
for i in 1 2 3 4; do echo "{\"prompt\": \"the $i\", \"response\": \"end\"}"; done >answers.jsonl
cksum "$model" >before
run 0 tune -m "$model" --vocab "$vocab" -d answers.jsonl -o tuned -r 2 -n 3 -b 2 --method lora+state
is "$(cat out)" "tuned/lora.safetensors
tuned/state.pth" "what wkv tune prints"
holds err "4 samples of"
holds err "sample 3: User: the 3"
holds err "Assistant:[ end"
holds err "step 3 of 3: loss"
holds err "3 of 3 steps in 0:0"
holds err "try it: wkv chat -m $model --lora tuned/lora.safetensors --state tuned/state.pth --vocab $vocab"
holds tuned/train.jsonl '"step": 3, '
cksum "$model" >after
same before after "a tuned model's file"
tuned="--lora tuned/lora.safetensors --state tuned/state.pth"
# shellcheck disable=SC2086
run 0 logits -m "$model" $tuned --tokens 1,2,3 -o beside.f32
if cmp -s before.f32 beside.f32; then fail "adapter and state change nothing"; else pass; fi
# shellcheck disable=SC2086
run 0 merge "$model" merged.pth $tuned --type f32
holds out "merged.pth: merged and unmerged logits of 64 tokens differ by at most"
holds out "; the adapter and the state change them by "
run 0 logits -m merged.pth --tokens 1,2,3
run 0 tune -m "$model" --vocab "$vocab" -d answers.jsonl -o tunedfull -n 1 --method full
holds err "try it: wkv chat -m tunedfull/final.safetensors --vocab $vocab"
run 0 tune -d answers.jsonl -o tunedbuilt -n 1 --method full
holds err "sample, prompt"
run 0 generate tunedbuilt/final.safetensors -n 3 "the"
run 0 tune --resume -o tunedbuilt
run 0 tune --resume -o tunedbuilt -e 2
is "$(cat out)" tunedbuilt/final.safetensors "the result of a resumed run of all weights"
holds err "resuming after step 1"
refused "schedule cosine differ from those of the longer run" tune --resume -o tunedbuilt -e 3
refused "--steps is 2 in the resumed run, and 1 now" tune --resume -o tunedbuilt -n 1
refused "1 epochs are 1 steps; the resumed run has 2" tune --resume -o tunedbuilt -e 1
run 0 train -d answers.jsonl --samples --vocab bytes -L 1 -C 16 --head-size 16 -n 2 -o masked --infctx 8 --truncate
holds err "4 samples of"
holds err "included in the loss"
# token files need no vocabulary, nor does a model made of them
printf 'MMIDIDX\0\0\1\0\0\0\0\0\0\0\10\1\0\0\0\0\0\0\0\2\0\0\0\0\0\0\0\54\1\0\0\0\0\0\0' >ids.idx
printf '\0\0\0\0\0\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0' >>ids.idx
i=0
while [ $i -lt 100 ]; do
    printf '\1\0\2\1\7\0'
    i=$((i + 1))
done >ids.bin
run 0 train -d ids.bin --vocab-size 260 -L 1 -C 16 --head-size 16 -T 8 -b 2 -n 2 -o byids -t 1
run 0 train -m byids/final.safetensors -d ids.idx --vocab-size 260 -T 8 -b 2 -n 2 -o ids2 -t 1
holds err "try it: wkv logits -m ids2/final.safetensors"
lacks err "sample"
lacks err "bits per byte"
run 0 logits -m ids2/final.safetensors --tokens 1,2,3
cp ids2/final.safetensors ids2.safetensors
run 0 train --resume -o ids2 -t 1
same ids2/final.safetensors ids2.safetensors "a resumed model of ids"
printf '{"ctx": "a", "choices": ["b", "c"], "answer": 0}\n' >choices.jsonl
refused "--eval needs a vocabulary, and token files have none" \
    train -d ids.bin --vocab-size 260 -T 8 -o ids3 --eval choices.jsonl
refused "ids.bin: token 1 of 300 is 258; the model's ids are 0 to 257" train -d ids.bin --vocab-size 258 -o ids3
refused "--patience needs held-out text" \
    tune -m "$model" --vocab "$vocab" -d answers.jsonl -o tunedearly -n 1 --patience 1
run 0 tune -m "$model" --vocab "$vocab" -d answers.jsonl -o tunedearly -n 9 --patience 1 --valid-every 1 \
    --valid answers.jsonl --lr 1 --seed 2
holds err "no new lowest held-out loss in 1 evaluations; the run ends (--patience)"
holds out "tunedearly/lora.safetensors"
run 0 tune -m "$model" --vocab "$vocab" -d learn.txt -o tunedeval -n 1 -r 1 --eval choices.jsonl
holds err "of 1 questions, "
lacks err "held-out"
run 0 tune -m "$model" --vocab "$vocab" -d learn.txt -o tunedplan --plan --rank 4
holds err "memory to tune this model, 1,024 tokens at once"
holds err "  lora, rank 4 "
holds err "         -         -"
refused "--method full trains them" tune -m "$model" --vocab "$vocab" -d answers.jsonl -o tunedtokens --add-token "<a>"
run 0 tune -m "$model" --vocab "$vocab" -d answers.jsonl -o tunedtokens -n 1 --method full --add-token "<a>" \
    --add-token "<b>"
holds err "try it: wkv chat -m tunedtokens/final.safetensors"
lacks err "--vocab"
run 0 tokenize -m tunedtokens/final.safetensors "<b><a>"
is "$(cat out)" "97 96" "ids of added tokens"
run 0 tune -m "$model" --vocab "$vocab" -d answers.jsonl -o tunedmore -n 2 --schedule constant
run 0 tune --resume -o tunedmore -n 5
run 0 tune -m "$model" --vocab "$vocab" -d answers.jsonl -o tunedonce -n 5 --schedule constant
same tunedmore/lora.safetensors tunedonce/lora.safetensors "adapters of a run made longer and of one made at once"
run 0 tune -m "$model" --vocab "$vocab" -d learn.txt -o tunedtext -n 1 -r 1 -T 8
holds err "sample 1: the user and"
holds err "try it: wkv generate -m $model --lora tunedtext/lora.safetensors"
run 0 generate tunedfull/final.safetensors -n 3 "the"
run 0 merge "$model" elsewhere.pth --lora tuned/lora.safetensors --type f32 --vocab "$vocab"
run 0 generate -m elsewhere.pth -n 3 "the"
run 0 tune -m "$model" --vocab "$vocab" -d answers.jsonl -o tuned2 --infctx 4 --lora tuned/lora.safetensors -n 1
for method in pissa miss; do
    run 0 tune -m "$model" --vocab "$vocab" -d answers.jsonl -o tuned$method -n 2 -r 2 --method $method --train norm,att.w0
    is "$(cat out)" tuned$method/lora.safetensors "what wkv tune --method $method prints"
    run 0 merge "$model" merged$method.pth --lora tuned$method/lora.safetensors --type f32 --vocab "$vocab"
done
run 0 tune -m "$model" --vocab "$vocab" -d answers.jsonl -o tunednorm -n 1 --method state --train norm --lr 0.01
is "$(cat out)" "tunednorm/lora.safetensors
tunednorm/state.pth" "what is printed of a state and norms"
run 0 tune --resume -o tunednorm
is "$(cat out)" "tunednorm/lora.safetensors
tunednorm/state.pth" "what a resumed run prints"
run 0 tune -m "$model" --vocab "$vocab" -d answers.jsonl -o tunedfrozen -n 1 --method full --freeze att,emb
holds err "parameters are trained"
run 0 train -d answers.jsonl --samples --vocab bytes -L 1 -C 16 --head-size 16 -n 1 -o frozen --freeze ffn
refused "--freeze: RWKV-7 has no weights called" train -d answers.jsonl --vocab bytes -L 1 -C 16 --head-size 16 -n 1 \
    -o frozen2 --freeze fnn
refused "--train: RWKV-7 has no weights called" tune -m "$model" --vocab "$vocab" -d answers.jsonl -o tuned3 --train norms
refused "--freeze norm is for --method full" tune -m "$model" --vocab "$vocab" -d answers.jsonl -o tuned3 --freeze norm
wrong "--lora-dropout: 1 is not between 0 and 0.99" tune -d answers.jsonl -o tuned3 --lora-dropout 1
refused "missing.jsonl" tune -m "$model" --vocab "$vocab" -d missing.jsonl -o tuned3
refused "RWKV-7 has no weights called" tune -m "$model" --vocab "$vocab" -d answers.jsonl -o tuned3 --targets att.gate
refused "tuned/state.pth: blocks.0.att.time_state is" logits --state tuned/state.pth --tokens 1 -o none.f32

# ---- Ctrl-C ------------------------------------------------------------------------------------------------------------
if timeout --preserve-status -s INT 1 true 2>/dev/null; then
    # shellcheck disable=SC2086
    timeout --preserve-status -k 20 -s INT 1 "$WKV" generate $go -n 0 "the end" >out 2>err </dev/null
    is $? 130 "status of generate after Ctrl-C"
    is "$(head -c 7 out)" "the end" "the text stays"
    is "$(tail -c 1 out | od -An -c | tr -d ' ')" '\n' "and ends its line"
    is "$(wc -c <err | tr -d ' ')" 0 "what it says"
    # shellcheck disable=SC2086
    { printf 'the end\n'; sleep 2; } |
        { timeout --preserve-status -k 20 -s INT 1 "$WKV" chat $go --template world --ban 90 -n 0 >out 2>err; echo $? >status; }
    is "$(cat status)" 130 "status of chat after Ctrl-C"
    # shellcheck disable=SC2086
    timeout --preserve-status -k 20 -s INT 1 "$WKV" train $small -o run5 -n 10000000 >out 2>err </dev/null
    is $? 130 "status of train after Ctrl-C"
    holds err "wkv train --resume --out run5"
    run 0 generate -m "$(cat out)" -n 5 "the"
else
    echo "skip Ctrl-C: timeout --preserve-status is not here"
    skipped=$((skipped + 1))
fi

# ---- selftest ----------------------------------------------------------------------------------------------------------
run 0 selftest
holds out "ok  "
holds out "bits of every processor"
lacks out "FAIL"
run 0 selftest --json
holds out '"passed": true'

echo "$passed passed, $failed failed, $skipped skipped"
[ $failed = 0 ]
