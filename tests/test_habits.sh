#!/bin/sh
# test_habits.sh - spellings of other programs: beginnings of options, their names elsewhere, commands of other tools,
# and a model given as an argument.
. "$(dirname "$0")/expect.sh"
model=$here/golden/models/v7-n32-f16.pth
vocab=$here/cli/small.vocab.txt
export HOME="$work" XDG_DATA_HOME="$work/none"

# wrong TEXT ARGUMENTS...: wrong usage, one sentence with TEXT
wrong() {
    text=$1
    shift
    run 2 "$@"
    holds err "$text"
    is "$(wc -l <err | tr -d ' ')" 2 "lines of standard error of wkv $*"
}
go="-m $model --vocab $vocab -n 4 --seed 1 -T 0 --ban 0"
# gen ARGUMENTS...: generate, quickly; its output must be that of plain options
gen() {
    # shellcheck disable=SC2086
    run 0 generate $go "$@"
    same plain out "wkv generate $*"
}
# shellcheck disable=SC2086
run 0 generate $go "the end"
cp out plain

# ---- options ---------------------------------------------------------------------------------------------------------
gen -p "the end"
gen --prompt="the end"
gen --temp 0 --thr 1 "the end" # another program's, and a beginning of ours
gen --n_predict 4 --top_p=0.5 "the end"
gen -r never --typical-p 1 --mirostat-ent 0 "the end"
printf 'the end' >prompt
gen --file prompt
gen -c 4096 --ctx_size 9 -ngl 99 --color -no-cnv "the end"
holds err "a state has no limit; -c is not needed"
holds err "all layers run on the CPU: --gpu-layers is for --device gpu"
gen -fa on -ctk q8_0 --cache-type-v f16 -np 2 --keep 4 -st "the end"
holds err "-fa is not needed"
gen -fa "the end" # older llama.cpp's has no value
gen -c4096 --quiet "the end"
gen --type f16 "the end"
gen --type F16 "the end" # case is no matter
# shellcheck disable=SC2086
run 0 generate $go --no-display-prompt "the end"
is "the end$(cat out)" "$(cat plain)" "without the prompt"
wrong "wkv info, tokenize, bench and pull have --json" generate --json
wrong "echo TEXT | wkv chat" chat -st
wrong "training runs on one device" train -d a -ngl 3
wrong "training runs on one device" tune -d a --gpu-layers 3
wrong "results of another run are never replaced" train -d a -o b --overwrite
run 0 convert "$model" again.pth --overwrite
holds err "a file of that name is replaced; --overwrite is not needed"
wrong "--te is ambiguous: --template, --temperature" chat --te x
wrong "--temp: 'x' is not a number" generate --temp x
wrong "did you mean --top-k?" generate --topk 1
wrong "two prompts: as an argument and with --prompt" generate -p a b
wrong "two prompts: with --prompt and with --prompt-file" generate -p a -f b
wrong "wkv generate -p TEXT continues a text" chat -p hi
wrong "wkv chat holds a conversation" generate -i
wrong "wkv chat --system TEXT" generate -sys x
wrong "--presence X, --frequency X" generate --repeat-penalty 1.1
wrong "--ban ID excludes a token" generate --ignore-eos
wrong "--stats prints" generate -v
wrong "--type f16, bf16, q8 or q4" generate --strategy "cpu fp32"
wrong "the value is the target surprise in bits, not a version" generate --mirostat 2
wrong "the two files are arguments" convert -m a -o b
wrong "--type q4_0 sets the data type" convert a b q4_0
wrong "q4 is the nearest" convert "$model" b.gguf --type q4_K_M
wrong "q8 is the nearest" generate --type Q6_K a
wrong "'q9' is not one of" convert a b --type q9
wrong "--checkpointing auto, on or off" train --grad_cp 1
run 0 train -d prompt --vocab bytes -o run --n_layer 1 --n_embd 64 --ctx_len 4 --lr_init 1e-3 --micro_bsz 1 --plan
holds err "1 layers of 64"

# ---- commands --------------------------------------------------------------------------------------------------------
while read -r name text; do
    wrong "unknown command '$name'; $text" "$name"
done <<END
run wkv generate continues a text, wkv chat holds a conversation
server wkv serve serves models
ps nothing runs in the background
quantize wkv convert IN OUT.gguf --type q8
perplexity wkv eval --text TEXT
lm-eval wkv eval measures tasks
finetune wkv tune adapts
list wkv pull prints
show wkv info describes
rm a model is a file
version wkv --version
END
wrong "--version prints the version" -v

# ---- a model as an argument ------------------------------------------------------------------------------------------
small="$model --vocab $vocab"
# shellcheck disable=SC2086
run 0 generate $small -n 4 --seed 1 -T 0 --ban 0 "the end"
same plain out "a prompt behind its model"
run 0 generate "$model" --vocab "$vocab" -n 4 --seed 1 -T 0 --ban 0 -p "the end"
same plain out "a model, and the prompt as an option"
run 0 tokenize "$here/../models/default.gguf" "Once"
is "$(cat out)" "$("$WKV" tokenize Once)" "ids of a text behind a model"
run 0 tokenize "$model.not" --vocab "$vocab"  # no checkpoint is there: a text
run 0 logits "$model" --tokens 1,2,3
cp out logits
run 0 logits -m "$model" --tokens 1,2,3
same logits out "logits of a model as an argument"
printf 'the end\n' | "$WKV" chat "$model" --vocab "$vocab" --template world --seed 3 -n 3 --ban 0 >out 2>err
is $? 0 "status of a chat with a model as an argument"
mkdir folder && cp "$model" folder/m.pth
run 0 info folder
holds out "RWKV-7"
run 1 chat missing
holds err "missing: no such file and no such model; wkv pull lists the published models"
run 1 info RWKV-x070-World-0.4B
holds err "RWKV-x070-World-0.4B: not downloaded; get it with: wkv pull RWKV-x070-World-0.4B"
run 1 pull rwkv-x070-world
holds out "wkv pull world-0.4b   # RWKV-x070-World-0.4B-v2.9-20250107-ctx4096.pth"
holds err "rwkv-x070-world: the name matches 4 published files; choose one"
run 0 tokenize --vocab World "Hello"
cp out world
run 0 tokenize --vocab world "Hello"
same world out "a vocabulary in capitals"
run 1 generate typo.pth -n 2
holds err "typo.pth: no such file; -m MODEL names a model that exists, and -p typo.pth continues the name as a text"
wrong "typo.gguf: no such file; give an existing model first, or with -m" generate typo.gguf "the end"
run 0 generate -p typo.pth -n 2
run 0 generate "my typo.pth" -n 2
wrong "two models: a and" generate -m a "$model" x
wrong "two models: a and" info -m a "$model"
wrong "bench takes one model" bench "$model" x
wrong "-m names a model" tune "$model"
# shellcheck disable=SC2086
run 0 generate $go prompt
holds err "the prompt is 'prompt', a file's name; -f prompt reads the file"
printf '87 86' | "$WKV" tokenize --vocab "$vocab" -d - >out
is "$(cat out)" "in a" "ids from standard input, asked for"

echo "$passed passed, $failed failed, $skipped skipped"
[ $failed = 0 ]
