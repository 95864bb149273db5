#!/bin/sh
# test_files.sh - no file is lost: inputs and results of other runs are not replaced, links and modes stay, streams are
# written to and not read, a killed writer leaves old or new and nothing for long, signals save, a damaged checkpoint is
# passed over. With WKV_LONG set 100 writers are killed, otherwise 6.
. "$(dirname "$0")/expect.sh"
model=$here/golden/models/v7-n32-f16.pth
vocab=$here/cli/small.vocab.txt

# refused TEXT ARGUMENTS...: a sentence with TEXT, status 1, at once
refused() {
    text=$1
    shift
    timeout 20 "$WKV" "$@" >out 2>err </dev/null
    is $? 1 "status of wkv $*"
    holds err "$text"
    is "$(wc -l <err | tr -d ' ')" 1 "lines of standard error of wkv $*"
}
# longer FILE N: wait until it has more than N bytes
longer() {
    tries=0
    until [ -e "$1" ] && [ "$(wc -c <"$1")" -gt "$2" ] || [ $tries = $((1000 * slower)) ]; do
        sleep 0.03
        tries=$((tries + 1))
    done
    if [ $tries -lt $((1000 * slower)) ]; then pass; else fail "$1 does not grow beyond $2 bytes"; fi
}
absent() { for file; do if [ -e "$file" ] || [ -L "$file" ]; then fail "$file is there"; else pass; fi; done; }
there() { for file; do if [ -e "$file" ]; then pass; else fail "$file is not there"; fi; done; }

i=0
while [ $i -lt 300 ]; do
    printf 'Once upon a time there was a fox. '
    i=$((i + 1))
done >story.txt
small="-L 1 -C 32 --head-size 32 -T 32 -b 2 -t 1 -q"
# shellcheck disable=SC2086
train() {
    status=$1 to=$2
    shift 2
    run "$status" train -d story.txt --vocab bytes $small -o "$to" "$@"
}
train 0 base -n 2
base=base/final.safetensors
run 0 tune -m $base -d story.txt -o tuned --method lora+state -n 1 --warmup 10 -t 1

# ---- outputs ---------------------------------------------------------------------------------------------------------
run 0 logits -m "$model" --tokens 1 -o expected
echo old >target
ln -s target link
run 0 logits -m "$model" --tokens 1 -o link
if [ -L link ]; then pass; else fail "logits -o replaced a link"; fi
same target expected "the target of a link"
ln -s made dangling
run 0 logits -m "$model" --tokens 1 -o dangling
same made expected "the target of a dangling link"
mkfifo pipe
cat pipe >piped &
run 0 logits -m "$model" --tokens 1 -o pipe
wait
if [ -p pipe ]; then pass; else fail "logits -o replaced a FIFO"; fi
same piped expected "the logits read from a FIFO"
run 0 logits -m "$model" --tokens 1 -o /dev/null
if [ -c /dev/null ]; then pass; else fail "logits -o replaced /dev/null"; fi
run 0 vocab train -d story.txt --size 270 -o /dev/null
holds out "/dev/null: 270 ids"
echo x >secret
chmod 600 secret
run 0 logits -m "$model" --tokens 1 -o secret
is "$(stat -c %a secret 2>/dev/null || stat -f %Lp secret)" 600 "mode of a replaced file"
ln -s pipe pipe.pth
refused "pipe.pth: is a FIFO, and the output is read back" convert "$model" pipe.pth
long=$(printf '%0251d' 0)
run 0 logits -m "$model" --tokens 1 -o "$long"
same "$long" expected "a file with a long name"
rm "$long"

# ---- inputs are not replaced -----------------------------------------------------------------------------------------
cp "$model" own.pth
ln own.pth hard.pth
ln -s own.pth soft.pth
cksum own.pth >before
for to in own.pth hard.pth soft.pth ./own.pth; do
    refused "$to: is an input, a file of own.pth, and would be replaced; write to another path" convert own.pth $to
    refused "$to: is an input" logits -m own.pth --tokens 1 -o $to
done
mkdir hf
cp $base hf/model.safetensors
refused "hf/model.safetensors: is an input, a file of hf" convert hf hf/model.safetensors
mkdir shards
cp $base shards/model-00001-of-00001.safetensors
echo "{\"weight_map\": {\"emb.weight\": \"model-00001-of-00001.safetensors\"}}" >shards/model.safetensors.index.json
for to in shards/model-00001-of-00001.safetensors shards/model.safetensors.index.json; do
    refused "$to: is an input, a file of shards" logits -m shards --tokens 1 -o $to
done
tuned="--lora tuned/lora.safetensors --state tuned/state.pth"
cksum $base tuned/* >>before
# shellcheck disable=SC2086
for to in $base tuned/lora.safetensors tuned/state.pth; do
    refused "$to: is an input" merge $base $to $tuned
    refused "$to: is an input" logits -m $base $tuned --tokens 1 -o $to
done
refused "story.txt: is an input, the text story.txt" vocab train -d story.txt -o story.txt
mkdir texts
cp story.txt texts/a.txt
ln -s texts/a.txt a.link
refused "a.link: is an input, the text texts/a.txt" vocab train -d texts -o a.link
echo 1,2 >ids.txt
refused "ids.txt: is an input, the tokens ids.txt" logits -m own.pth --tokens ids.txt -o ids.txt
cp own.pth text.gguf
refused "text.gguf: is an input, the text" convert $base text.gguf --check text.gguf
run 0 convert "$model" words.gguf --vocab "$vocab"
refused "words.gguf: is an input, the vocabulary" convert "$model" words.gguf --vocab words.gguf
cksum own.pth >after
cksum $base tuned/* >>after
same before after "inputs"

# a merge into too coarse numbers leaves the old file
echo old >coarse.gguf
run 1 merge $base coarse.gguf --lora tuned/lora.safetensors --type q4_0
holds err "loses more than half of the tuning"
is "$(cat coarse.gguf)" old "the file that a failed merge was to replace"

run 0 convert $base read.pth --no-mmap
run 0 merge $base read.pth --no-mmap --type f32 --lora tuned/lora.safetensors
run 0 tune -m $base -d story.txt -o read --no-mmap -n 1 -t 1
run 0 logits -m "$model" --no-mmap --tokens 1 -o read.f32
same read.f32 expected "logits without a mapping"

# ---- folders with results --------------------------------------------------------------------------------------------
for name in final.safetensors best.safetensors final.vocab.txt best.vocab.txt train.html train.jsonl; do
    mkdir "r-$name"
    echo mine >"r-$name/$name"
    refused "r-$name/$name: is the result of another run; choose another output folder" \
        train -d story.txt --vocab bytes -o "r-$name" -n 1 -q
    is "$(cat "r-$name"/*)" mine "a folder with $name"
done
refused "continue the run with --resume" train -d story.txt --vocab bytes -o r-train.jsonl -n 1 -q
refused "r-final.safetensors/final.safetensors: is the result of another run" \
    train --resume -d story.txt --vocab bytes -o r-final.safetensors -n 1 -q
for name in lora.safetensors lora.pth state.pth final.safetensors train.jsonl; do
    mkdir "t-$name"
    echo mine >"t-$name/$name"
    refused "t-$name/$name: is the result of another run; choose another output folder" \
        tune -m $base -d story.txt -o "t-$name" -n 1
    is "$(cat "t-$name"/*)" mine "a folder with $name"
done
refused "the folder has a run" tune -m $base -d story.txt -o tuned --lora tuned/lora.safetensors -n 1
mkdir input
cp tuned/lora.safetensors input
refused "input/lora.safetensors: is an input of this run" \
    tune -m $base -d story.txt -o input --lora input/lora.safetensors -n 1
ln $base valid.txt
refused "base/final.safetensors: is an input of this run, valid.txt" train --resume -o base --valid valid.txt -q
# shellcheck disable=SC2086
run 0 train -d story.txt --vocab bytes $small -o planned -n 2 --plan
absent planned
mkdir kept
echo mine | tee kept/chapter.part-2.txt kept/notes.part-final.md kept/final.safetensors.part-7x >/dev/null
: >kept/final.safetensors.part-1
: >kept/checkpoint-00000002.safetensors.part-1
train 0 kept -n 2
there kept/chapter.part-2.txt kept/notes.part-final.md kept/final.safetensors.part-7x
absent kept/final.safetensors.part-1 kept/checkpoint-00000002.safetensors.part-1
mkdir left
: >left/lora.pth.part-1
run 0 tune -m $base -d story.txt -o left -n 1 -t 1
absent left/lora.pth.part-1

# one at a time: the second is refused while the first is at work, and takes nothing from it
"$WKV" tune -m $base -d story.txt -o two -n 1000000 -t 1 -q >/dev/null 2>&1 &
first=$!
longer two/train.jsonl 0
refused "two/train.jsonl: " tune -m $base -d story.txt -o two -n 1
kill -TERM $first
wait $first
is $? 130 "status of the tune that was first"
there two/lora.safetensors

# ---- signals ---------------------------------------------------------------------------------------------------------
# shellcheck disable=SC2086
"$WKV" train -d story.txt --vocab bytes $small -o hung -n 1000000 >out 2>err &
first=$!
longer hung/train.jsonl 0
refused "hung/train.jsonl: another process is using this folder" \
    train --resume -d story.txt --vocab bytes -o hung -q
kill -HUP $first
wait $first
is $? 130 "status of train after SIGHUP"
there hung/final.safetensors
# shellcheck disable=SC2086
(trap '' HUP && exec "$WKV" train -d story.txt --vocab bytes $small -o nohup -n 1000000 >out 2>err) &
first=$!
longer nohup/train.jsonl 0
kill -HUP $first
longer nohup/train.jsonl $(($(wc -c <nohup/train.jsonl) + 150))
if kill -TERM $first; then pass; else fail "SIGHUP ended a run that ignores it"; fi
wait $first
is $? 130 "status of train after SIGTERM"

# ---- a damaged checkpoint --------------------------------------------------------------------------------------------
train 0 whole -n 6 --save-every 2
cp -r whole damaged
dd if=whole/checkpoint-00000006.safetensors of=damaged/checkpoint-00000006.safetensors bs=1000 count=1 2>/dev/null
run 0 train --resume -o damaged -t 1
holds err "damaged/checkpoint-00000006.safetensors: "
holds err "; resuming from an older checkpoint"
holds err "resuming after step 4"
same damaged/final.safetensors whole/final.safetensors "a run that was resumed from an older checkpoint"
is "$(wc -c <damaged/checkpoint-00000006.safetensors)" \
    "$(wc -c <whole/checkpoint-00000006.safetensors)" "the damaged checkpoint, written anew"
for step in 4 6; do : >damaged/checkpoint-0000000$step.safetensors; done
refused "damaged/checkpoint-00000006.safetensors: " train --resume -o damaged -q
holds err "no older checkpoint in this folder is intact"

# ---- only regular files are read -------------------------------------------------------------------------------------
mkfifo m.pth
mkdir folder zero
mkfifo folder/model.safetensors
ln -s /dev/zero zero/model.safetensors.index.json
fifo="is a FIFO, expected a regular file"
refused "m.pth: $fifo" info -m m.pth
refused "m.pth: $fifo" logits -m $base --tokens m.pth -o none
refused "m.pth: $fifo" logits -m $base --lora m.pth --tokens 1 -o none
refused "m.pth: $fifo" logits -m $base --state m.pth --tokens 1 -o none
refused "m.pth: $fifo" tokenize --vocab m.pth text
refused "m.pth: $fifo" tokenize --vocab bytes --jsonl m.pth
refused "m.pth: $fifo" generate -f m.pth -n 1
refused "m.pth: $fifo" vocab train -d m.pth -o none
refused "m.pth: $fifo" train -d m.pth --vocab bytes -o none -q
refused "m.pth: $fifo" tune -m $base -d m.pth -o none
refused "m.pth: $fifo" bench --sparsity m.pth
refused "folder/model.safetensors: $fifo" info -m folder
refused "index.json: is a device, expected a regular file" info -m zero
absent none
if truncate -s 4T huge 2>/dev/null; then
    mkdir big
    ln huge big/model.safetensors.index.json
    run 1 info -m big
    if grep -q "has 4398046511104 bytes, more than this build for 32-bit processors can address" err; then
        pass
        refused "huge: has 4398046511104 bytes, more than" info -m huge --no-mmap
    else
        refused "bytes of memory are free" info -m big
        refused "huge: has 4398046511104 bytes, and " info -m huge --no-mmap
    fi
fi

# ---- a file that becomes shorter while it is in use ------------------------------------------------------------------
cp $base cut.safetensors
"$WKV" generate -m cut.safetensors --no-mmap --vocab bytes -n 2000 hi >words 2>err </dev/null &
first=$!
longer words 8
: >cut.safetensors
wait $first
is $? 0 "status with --no-mmap when the model's file became shorter"
rm words
cp $base cut.safetensors
"$WKV" generate -m cut.safetensors --vocab bytes -n 1000000000 hi >words 2>err </dev/null &
first=$!
longer words 8
: >cut.safetensors
wait $first
is $? 1 "status when the model's file became shorter"
holds err "wkv: a mapped file was truncated while in use"
holds err "--no-mmap"

# ---- kill -9 ---------------------------------------------------------------------------------------------------------
# killed SECONDS ARGUMENTS...
killed() {
    delay=$1
    shift
    "$WKV" "$@" >/dev/null 2>&1 </dev/null &
    victim=$!
    sleep "$delay"
    kill -9 $victim 2>/dev/null
    wait $victim 2>/dev/null
}
old_or_new() { if cmp -s "$1" "$2" || cmp -s "$1" "$3"; then pass; else fail "$1 is neither old nor new"; fi; }
no_parts() { for file in "$1"*.part-*; do absent "$file"; done; }
rounds=2
if [ -n "$WKV_LONG" ]; then
    rounds=34
    run 0 train -d story.txt --vocab bytes -L 2 -C 512 -T 8 -b 1 -n 1 -o large --sample-every -1 --valid-every -1
    base=large/final.safetensors
    run 0 tune -m $base -d story.txt -o tuned-large -n 1
    tuned="--lora tuned-large/lora.safetensors"
fi
mkdir new
run 0 tune -m $base -d story.txt -o new/killed -n 40 -t 1 -T 8 -b 1
run 0 convert $base new/kill.pth --type f32 # a .pth holds its own name
# shellcheck disable=SC2086
run 0 merge $base new/kill.safetensors $tuned --type f32
# killed before its first checkpoint, a run is resumed from the beginning, with the defaults of its command
mkdir kill
run 0 tune --resume -m $base -d story.txt -o kill -n 40 -T 8 -b 1
same kill/lora.safetensors new/killed/lora.safetensors "a run that is resumed before its first checkpoint"
i=0
while [ $i -lt $rounds ]; do
    # fixed delays that look random, in which some have not begun to write, most are at work and some are done
    delay=$(printf '0.%03d' $((i * 37 % 200 + 3)))
    cp "$model" kill.pth
    killed "$delay" convert $base kill.pth --type f32
    old_or_new kill.pth "$model" new/kill.pth
    cp "$model" kill.safetensors
    # shellcheck disable=SC2086
    killed "$(printf '0.%03d' $((i * 53 % 400 + 3)))" merge $base kill.safetensors $tuned --type f32
    old_or_new kill.safetensors "$model" new/kill.safetensors
    # saved after every step: wherever it was killed, the run goes on, and ends in the same bytes
    if [ $i -lt $((rounds - 2)) ] || [ $rounds = 2 ]; then
        rm -rf kill
        mkdir kill
        killed "$(printf '0.%03d' $((i * 71 % 400 + 60)))" \
            tune -m $base -d story.txt -o kill -n 40 -t 1 -T 8 -b 1 --save-every 1
        run 0 tune --resume -m $base -d story.txt -o kill -n 40 -T 8 -b 1
        for file in lora.safetensors lora.pth; do
            same kill/$file new/killed/$file "$file of a tuned model after the run was killed"
        done
        no_parts kill/
    fi
    i=$((i + 1))
done
run 0 convert $base kill.pth --type f32
same kill.pth new/kill.pth "a conversion after those that were killed"
# shellcheck disable=SC2086
run 0 merge $base kill.safetensors $tuned --type f32
same kill.safetensors new/kill.safetensors "a merge after those that were killed"
no_parts kill

echo "$passed passed, $failed failed, $skipped skipped"
[ $failed = 0 ]
