#!/bin/sh
# test_mpi.sh - mpirun wkv train: 2 and 4 processes give what one gives, with the moments shared out too; resumed by another
# number of processes; one sentence when something is wrong. Skipped without an mpirun, or without MPI in the program.
. "$(dirname "$0")/expect.sh"
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 # containers are root
export ASAN_OPTIONS=detect_leaks=0:"$ASAN_OPTIONS" # what MPI keeps to its end
export TSAN_OPTIONS=ignore_noninstrumented_modules=1:"$TSAN_OPTIONS" # MPI has its own threads
export OMPI_MCA_btl_vader_single_copy_mechanism=none # containers forbid it
export OMPI_MCA_rmaps_base_oversubscribe=1 OMPI_MCA_hwloc_base_binding_policy=none OMPI_MCA_mpi_yield_when_idle=1 # few cores

awk 'BEGIN { srand(1); split("the cat sat on a mat. dogs ran", w, " ")
             for (i = 0; i < 4000; i++) printf "%s%s", w[1 + int(8 * rand())], i % 9 ? " " : "\n" }' >text.txt
train() { # STATUS PROCESSES OUT OPTIONS...
    expected=$1 processes=$2 to=$3
    shift 3
    set -- train -d text.txt --vocab bytes -o "$to" -t 1 "$@"
    if [ "$processes" = 1 ]; then run "$expected" "$@"; return; fi
    mpirun -n "$processes" "$WKV" "$@" >out 2>err </dev/null
    got=$?
    is $got "$expected" "status of $processes processes ($(head -n 3 err))"
}
SIZE="-L 2 -C 32 --head-size 16 -T 24 -b 8 --lr 3e-3 --dropout 0.1 --save-type f32 --log-every 1 --valid-every 4 --seed 7 -n 8 --save-every 4 --eval eval.jsonl"
i=0
while [ $i -lt 7 ]; do # a count that no number of processes divides
    echo "{\"ctx\": \"t$i\", \"choices\": [\" a\", \"he$i\", \"s\"], \"answer\": $((i % 3))}"
    i=$((i + 1))
done >eval.jsonl

finish() {
    echo "$passed passed, $failed failed, $skipped skipped"
    [ $failed = 0 ]
    exit
}

# Without mpirun the surroundings of another MPI: the program says what is missing, or who else is meant.
PMI_SIZE=2 PMI_RANK=0 run 1 train -d text.txt --vocab bytes -o none
if grep -qF "built without MPI" err; then
    holds err "install Open MPI"
    run 1 train -d text.txt --vocab bytes -o none --shard-optimizer
    holds err "install Open MPI"
    echo "skip mpirun: this wkv was built without MPI"
    skipped=1
    finish
fi
holds err "a different MPI"
run 1 train -d text.txt --vocab bytes -o none --shard-optimizer
holds err "mpirun -n 4"
if ! command -v mpirun >path; then
    echo "skip mpirun: there is none here"
    skipped=1
    finish
fi

# values FILE: the numbers of a safetensors file of float32; losses FOLDER: all that was measured
values() { od -An -v -t f4 -w4 -j $((8 + $(od -An -t u8 -N 8 "$1"))) "$1"; }
losses() { sed -n 's/.*"\(valid_\)*loss": \([0-9.e+-]*\).*/\2/p' "$1/train.jsonl"; }
# near WHAT: the numbers in the files a and b differ, as vectors, by at most a hundred thousandth
near() {
    is "$(wc -l <a)" "$(wc -l <b)" "numbers of $1"
    if paste a b | awk '{ d += ($1 - $2) ^ 2; s += $1 ^ 2 } END { exit !(s > 0 && d <= 1e-10 * s) }'; then pass; else fail "$1 differ"; fi
}
alike() { # FOLDER FOLDER
    losses "$1" >a
    losses "$2" >b
    near "losses of $1 and $2"
    for file in final.safetensors best.safetensors checkpoint-00000008.safetensors; do
        values "$1/$file" >a
        values "$2/$file" >b
        near "values in $file of $1 and $2"
    done
}

# shellcheck disable=SC2086 # options
{
    train 0 1 one $SIZE
    cp -r one half
    train 0 2 two $SIZE --micro-batch 3
    alike one two
    sed -n 's/.*"accuracy": \(.*\)}/\1/p' one/train.jsonl >a
    sed -n 's/.*"accuracy": \(.*\)}/\1/p' two/train.jsonl >b
    is "$(wc -l <a | tr -d ' ')" 2 "measurements of questions"
    same a b "answers of one process and two"
    holds err "2 processes"
    is "$(grep -c "^step [0-9]*: held-out loss" err)" 2 "measurements that are said"
    train 0 2 longer $SIZE --schedule constant -n 5
    train 0 2 longer --resume -n 8
    train 0 2 once $SIZE --schedule constant
    same longer/final.safetensors once/final.safetensors "a run made longer and one made at once"
    train 0 2 patient $SIZE --lr 2 --valid-every 1 --patience 1
    holds err "the run ends (--patience)"
    train 0 4 four $SIZE --checkpointing on
    alike one four
    train 0 2 two-shared $SIZE --micro-batch 3 --shard-optimizer
    alike one two-shared
    same two/final.safetensors two-shared/final.safetensors "two sum the same, shared out or not"

    # the first half by two with their moments shared out, the second by one; and the other way round by four
    rm two-shared/checkpoint-00000008.safetensors half/checkpoint-00000008.safetensors
    run 0 train --resume -o two-shared -t 1
    alike one two-shared
    mpirun -n 4 "$WKV" train --resume -o half -t 1 --shard-optimizer >out 2>err
    holds err "resuming after step 4"
    alike one half

    train 1 3 none $SIZE
    holds err "a batch of 8 sequences for 3 processes"
    is "$(grep -c '^wkv: ' err)" 1 "sentences of three processes"
    train 1 2 two $SIZE
    holds err "the folder has a run"

    for i in 1 2 3 4 5 6 7 8 9; do
        echo "{\"prompt\": \"What follows $i?\", \"completion\": \"Number $((i * i + 1)) does.\"}"
    done >pairs.jsonl
    tune="tune -m one/final.safetensors --vocab bytes -n 6 -b 4 -t 1 --lr 0.01 --sample-every -1"
    : >preferences.jsonl
    for q in a b c d e f; do
        echo "{\"prompt\": \"$q\", \"chosen\": \"no\", \"rejected\": \"yes, $q\"}" >>preferences.jsonl
    done
    for how in "lora -d pairs.jsonl" "lora+state -d pairs.jsonl" "lora -d preferences.jsonl --loss dpo"; do
        name=$(echo "$how" | tr -d ' ')
        run 0 $tune --method $how -o "tuned1-$name"
        mpirun -n 2 "$WKV" $tune --method $how -o "tuned2-$name" --shard-optimizer >out 2>err </dev/null
        is $? 0 "status of two processes that tune ($(head -n 3 err))"
        losses "tuned1-$name" >a
        losses "tuned2-$name" >b
        near "losses of $how in one process and two"
        values "tuned1-$name/lora.safetensors" >a
        values "tuned2-$name/lora.safetensors" >b
        near "adapters of $how in one process and two"
    done
}
finish
