#!/bin/sh
# test_input.sh - files and lines as other programs leave them: extensions in capitals, byte order marks, CR LF, blanks,
# folders of shards, ids beyond the vocabulary, options that are NaN or infinite.
. "$(dirname "$0")/expect.sh"
. "$here/safetensors.sh"
HOME=$work
export HOME
model=$here/golden/models/v7-n32-f32.pth

# ---- options that are NaN or infinite --------------------------------------------------------------------------------
printf 'the old king went down to the river\n' >story.txt
for x in nan NaN inf -inf 1 -0.5 1e999 ''; do
    run 2 train -d story.txt --vocab bytes -o run --valid "$x"
    holds err "--valid: '$x' is not a share"
done
for option in --lr --lr-final --weight-decay --dropout --clip --beta1 --epochs; do
    run 2 train -d story.txt -o run $option nan
done
for option in --lr --alpha --clip --lora-alpha; do run 2 tune -d story.txt -o run $option inf; done
for option in -T --top-p --min-p --typical --mirostat --presence --frequency --penalty-decay --lora-alpha; do
    run 2 generate $option nan a
done
run 2 generate --bias 5=nan a
run 2 generate --bias 5=1e39 a
if [ -e run ]; then fail "a folder was made"; else pass; fi

# ---- extensions ------------------------------------------------------------------------------------------------------
for name in x.PTH x.SafeTensors x.ST x.GGUF; do
    run 0 convert "$model" $name
    run 0 logits -m $name --tokens 1,2,3 -o $name.f32
done
"$WKV" logits -m "$model" --tokens 1,2,3 -o right 2>err
same right x.PTH.f32 "capitals"
same right x.SafeTensors.f32 "capitals"
mkdir upper
mv x.PTH upper/MODEL.PTH
run 0 info -m upper
printf '{"messages": [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "hello"}]}\n' >TALK.JSONL
run 0 tune -d TALK.JSONL -o tuned -n 1 --rank 2 --targets att.key
holds err "1 samples of"
lacks err "messages"

# ---- training data: fields of other names, sizes by the amount of text, files that hold no text ----------------------
{
    printf 'Frage,Antwort\n"Wer, bitte?",Ich.\n'
    for i in 1 2 3 4 5 6 7 8 9; do printf 'Was ist %s?,"Eine Zahl, kleiner als zehn."\n' $i; done
} >faq.csv
run 0 tune -d faq.csv --fields Frage,Antwort -o faq -n 1 --rank 2 --targets att.key
holds err 'sample 1: User: Wer, bitte?\n\nAssistant:[ Ich.\n\n<end>]'
holds err "1 steps of 8 samples are 0.8 epochs"
run 1 tune -d faq.csv -o none
holds err 'faq.csv: line 2: no "text"'
holds err 'its fields are: "Frage", "Antwort" (--fields TEXT or --fields QUESTION,ANSWER names others)'
run 0 train -d faq.csv --fields Frage,Antwort --vocab bytes -o planned --plan
holds err "tokens of text: -L 2 -C 64 -T 64 -b 8 -n 100 --lr 0.003; options override them"
printf 'the old king' >short.txt
run 0 train -d short.txt --vocab bytes -o short -n 1 -b 1
holds err "tokens of text: -L 2 -C 64 -T 11 -b 1 "
run 0 train -d short.txt -m short/final.safetensors -o short2 -n 1 -b 1
run 1 train -d short.txt --vocab bytes -o none -T 64
holds err "short.txt: 12 tokens to train on, expected 65 or more for --context 64; -T 11 fits"
printf 'PAR1\0\0' >data.parquet
run 1 train -d data.parquet -o none
holds err "data.parquet: is Parquet"
run 1 vocab train -d data.parquet -o none
holds err "data.parquet: is Parquet"
: >empty.txt
run 1 train -d empty.txt -o none
holds err "empty.txt: is empty"
run 1 train -d faq.csv --fields , -o none
holds err "--fields ',': expected the names"

# ---- typed and piped text --------------------------------------------------------------------------------------------
write() { "$WKV" generate -T 0 -n 5 2>err; }
printf 'Once upon a time' | write >plain
printf 'Once upon a time\r\n' | write >crlf
printf '\357\273\277Once upon a time\n' | write >bom
same plain crlf "CR LF at the end of a prompt"
same plain bom "a byte order mark before a prompt"
talk() { "$WKV" chat -T 0 -n 5 2>err; }
printf 'Hello\n' | talk >plain
for blank in '\f' '\v' '\343\200\200' ' \t\r' '\357\273\277' '\357\273\277 \343\200\200\v'; do
    printf "$blank\nHello\n" | talk >other
    same plain other "a line of '$blank'"
done
printf '\357\273\277Hello\r\n' | talk >other
same plain other "a byte order mark before a question"
for quit in '/quit' '/quit ' '/quit\t\r' '/quit\343\200\200' ; do
    printf "Hello\n$quit\nHello\n" | talk >other
    same plain other "'$quit'"
done

# ---- JSON ------------------------------------------------------------------------------------------------------------
printf '\357\273\277{"text": "ab"}\n\n' >lines.jsonl
printf '{"id": 12345678901234567890, "text": "c", "text": "d\\u0000"}\n{"x": NaN, "text": "e"}\n' >>lines.jsonl
run 0 tokenize --vocab bytes --jsonl lines.jsonl
is "$(tr '\n' ';' <out)" "[97, 98];[100, 0];[101];" "the ids of lines"
printf '{"text": "ab"}\n{"text": "c\n' >cut.jsonl
run 1 tokenize --vocab bytes --jsonl cut.jsonl
holds err "cut.jsonl:2: not JSON"
printf '{"txt": "ab"}\n' >cut.jsonl
run 1 tokenize --vocab bytes --jsonl cut.jsonl
holds err 'cut.jsonl:1: no string "text"'

# ---- ids -------------------------------------------------------------------------------------------------------------
run 1 logits -m "$model" --tokens 1,2,48,3 --all
holds err "token 2 is 48; the model's ids are 0 to 47"
is "$(wc -c <out | tr -d ' ')" 0 "bytes of logits before the refusal"

# ---- a GGUF of a model with a vocabulary that has no form in one -----------------------------------------------------
cp "$model" bpe.pth
printf '{"pre_tokenizer": {"type": "ByteLevel"}, "model": %s}' \
    '{"type": "BPE", "merges": [], "vocab": {"a": 0, "b": 1}}' >bpe.vocab.txt
all_of zeros lora.safetensors blocks.0.att.key.lora_A 1,32 32 blocks.0.att.key.lora_B 32,1 32
if "$WKV" tokenize -m bpe.pth a >out 2>err; then
    run 0 convert bpe.pth converted.gguf
    same bpe.vocab.txt converted.vocab.json "the vocabulary beside a GGUF"
    run 0 merge bpe.pth merged.gguf --lora lora.safetensors --lora-alpha 1 --vocab bpe.vocab.txt
    run 0 tokenize -m merged.gguf ab
    is "$(cat out)" "0 1" "ids of a merged model"
else # a build without byte pair encoding
    run 0 convert bpe.pth converted.gguf
    holds err "the file has no vocabulary"
fi

# ---- folders ---------------------------------------------------------------------------------------------------------
"$WKV" convert "$model" one.safetensors >out 2>err
all_of ones two.safetensors extra.weight 2 2
head_bytes=$(od -An -tu4 -N4 one.safetensors)
names=$(head -c $((head_bytes + 8)) one.safetensors | tail -c $((head_bytes)) |
    grep -o '"[a-zA-Z0-9_.]*":{"dtype"' | cut -d'"' -f2)
# shards FOLDER STEM INDEX: both parts, and the index that lists them
shards() {
    mkdir -p "$1"
    cp one.safetensors "$1/$2-00001-of-00002.safetensors"
    cp two.safetensors "$1/$2-00002-of-00002.safetensors"
    [ -z "$3" ] && return
    {
        printf '{"weight_map": {"extra.weight": "%s-00002-of-00002.safetensors"' "$2"
        for name in $names; do printf ', "%s": "%s-00001-of-00002.safetensors"' "$name" "$2"; done
        printf '}}\n'
    } >"$1/$3"
}
# reads PATH: the model's logits
reads() {
    run 0 logits -m "$1" --tokens 1,2,3 -o got
    same right got "$1"
}
shards plain-index model model.safetensors.index.json
reads plain-index
reads plain-index/model-00001-of-00002.safetensors
shards variant model.fp16 model.safetensors.index.fp16.json
reads variant
reads variant/
reads variant/model.safetensors.index.fp16.json
reads variant/model.fp16-00002-of-00002.safetensors
shards variant model model.safetensors.index.json
reads variant
reads variant/model.fp16-00001-of-00002.safetensors
shards lost model ''
run 1 info -m lost
holds err "-of-00002.safetensors: is part "
holds err " of 2, and the index that names all parts (model.safetensors.index.json) is missing"
run 1 info -m lost/model-00002-of-00002.safetensors
holds err "is part 2 of 2, and the index that names all parts (model.safetensors.index.json) is missing"
cp one.safetensors lost/model-00001-of-00001.safetensors
reads lost/model-00001-of-00001.safetensors
shards variant model.fp8 model.safetensors.index.fp8.json
rm variant/model.safetensors.index.json
run 1 info -m variant
holds err "several indices"

# the template goes by the folder's name, however it is written
mkdir rwkv7-g1a-tiny-hf
cp "$model" rwkv7-g1a-tiny-hf/pytorch_model.bin
printf "1 'a' 1\n" >rwkv7-g1a-tiny-hf/vocab.txt
for path in rwkv7-g1a-tiny-hf rwkv7-g1a-tiny-hf/ rwkv7-g1a-tiny-hf/pytorch_model.bin; do
    run 0 info -m $path
    holds out "template g1"
    holds out "vocab.txt"
done
cd rwkv7-g1a-tiny-hf || exit 1
run 0 info -m .
holds out "template g1"
run 0 info -m pytorch_model.bin
holds out "template g1"

echo "$passed passed, $failed failed, $skipped skipped"
[ $failed = 0 ]
