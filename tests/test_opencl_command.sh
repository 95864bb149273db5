#!/bin/sh
# test_opencl_command.sh - --device opencl: the list of devices, the reasons of refusals, and every command beside the
# CPU's results. The longer ones run with WKV_LONG=1.
. "$(dirname "$0")/expect.sh"

run 0 info --devices
holds out "  cpu "
holds out "  reference "
WKV_PLUGINS="$work" run 0 info --devices
holds err "no OpenCL devices: libwkv-opencl.so is neither in $work"
WKV_PLUGINS="$work" run 1 generate --device gpu -n 1 Once
holds err "libwkv-opencl.so is neither in $work"
run 1 generate --device opencl:x -n 1 Once
holds err 'no device called "opencl:x"; there are cpu and reference, and opencl'

# near NAME FILE FILE: equal words, and numbers within 1e-3 of their size or 1e-4; lines of times, speeds and the device
# are left out
near() {
    for file in "$2" "$3"; do
        grep -vE 'seconds|_ms"|per_second|"command"|"isa"|"summary"' "$file" |
            sed 's/[][{}:,%="()]/ /g' >"$file.words"
    done
    difference=$(awk '
        function number(word) { return word ~ /^-?[0-9]+([.][0-9]+)?([eE][-+]?[0-9]+)?$/ }
        FNR == NR { line[n = FNR] = $0; next }
        {
            words = split(line[FNR], x); others = split($0, y)
            for (i = 1; i <= words || i <= others; i++) {
                size = x[i] < 0 ? -x[i] : x[i]; off = x[i] - y[i]
                if (number(x[i]) && number(y[i]) ? off * off > (1e-3 * size + 1e-4) ^ 2 : x[i] != y[i])
                    print x[i] " and " y[i]
                numbers += number(x[i])
            }
        }
        END { if (FNR != n) print n " and " FNR " lines"; if (!numbers) print "no numbers" }' "$2.words" "$3.words")
    is "$difference" "" "$1 on the cpu and on opencl"
}
# both FILE ARGUMENTS...: the standard output of both devices, compared
both() {
    name=$1
    shift
    run 0 "$@" --device cpu
    mv out "$name.cpu"
    run 0 "$@" --device opencl
    mv out "$name.opencl"
    near "$name" "$name.cpu" "$name.opencl"
}
# floats FILE: the values at the end of a file
floats() { tail -c 4096 "$1" | od -A n -v -t f4; }

run 0 info --devices
if grep -q "opencl:0" out; then
    mkdir none
    OCL_ICD_VENDORS="$work/none" run 0 info --devices
    holds out "  cpu "
    lacks out "opencl:0"
    OCL_ICD_VENDORS="$work/none" run 1 generate --device opencl -n 1 Once
    holds err "no OpenCL device: no driver is installed"
    run 1 generate --device opencl:99 -n 1 Once
    holds err "no device opencl:99; there are "

    run 0 generate -T 0 -n 50 "The old king"
    mv out cpu
    run 0 generate --device gpu -T 0 -n 50 "The old king"
    same cpu out "the text of the cpu and of opencl"
    WKV_DEVICE=opencl run 0 generate -T 0 -n 50 "The old king"
    same cpu out "the text with WKV_DEVICE"

    # layers on the CPU and on the device
    for n in 0 1 99; do
        run 0 generate --device gpu --gpu-layers $n -T 0 -n 50 "The old king"
        same cpu out "the text of $n layers on opencl"
    done
    run 0 generate --device gpu -ngl 1 -T 0 -n 50 "The old king"
    same cpu out "the text of -ngl 1"
    run 2 generate --device gpu --gpu-layers -1 -n 1 Once
    holds err "--gpu-layers"
    run 2 generate --device gpu --gpu-layers some -n 1 Once
    holds err "--gpu-layers: 'some' is not a"
    WKV_DEVICE_MEMORY=1 run 1 generate --device gpu -n 1 Once
    holds err "none would fit: --device cpu"
    echo "Hello" | "$WKV" chat -T 0 --quiet >cpu 2>/dev/null
    echo "Hello" | "$WKV" chat -T 0 --quiet --device gpu --gpu-layers 1 >out 2>/dev/null
    same cpu out "the answer of one layer on opencl"
    printf 'It was a dark night.\n' >text
    run 0 eval --device gpu --gpu-layers 1 --text text
    run 0 bench --device gpu --gpu-layers 1 --json --quick --only decode
    holds out '"first_layer": 3'
    if command -v curl >curl && ! "$WKV" serve --tokens 0 2>&1 | grep -q 'has no server'; then
        # shellcheck disable=SC2034
        name=test_opencl_command
        . "$here/server.sh"
        body='{"prompt": "The old king", "max_tokens": 8, "temperature": 0}'
        serve
        complete 200 "$body"
        sed 's/.*"text": *"\([^"]*\)".*/\1/' body >cpu
        end 0
        serve --device gpu --gpu-layers 1
        complete 200 "$body"
        sed 's/.*"text": *"\([^"]*\)".*/\1/' body >out
        same cpu out "the served text of one layer on opencl"
        end 0
    fi
    # ---- in f32, because the CPU rounds activations where weights have 8 bits ----
    run 0 convert --type f32 "$here/../models/default.gguf" f32.gguf
    seq 1 40 | tr '\n' ' ' >text.txt
    both eval eval -m f32.gguf --text text.txt --json
    both decay decay -m f32.gguf "The old king went to the sea" --json
    both lens lens -m f32.gguf "The sky is blue" --view logits --json
    for device in cpu opencl; do
        run 0 logits -m f32.gguf --tokens 70,105,12,9,200 -o $device.f32 --device $device
        run 0 dump -m f32.gguf "The old king" --sites resid_post,state -o $device.values.safetensors --device $device
        run 0 state -m f32.gguf make text.txt -o $device.safetensors --device $device
        floats $device.f32 >$device.logits
        floats $device.values.safetensors >$device.values
    done
    near logits cpu.logits opencl.logits
    near dump cpu.values opencl.values
    run 0 state -m f32.gguf verify cpu.safetensors --device opencl
    holds out "sound"
    holds err "was computed with arithmetic f32 1, and the context has f32 1 opencl"
    if [ -n "$WKV_LONG" ]; then . "$here/opencl_long.sh"; fi
else
    echo "skip opencl: $(cat err)"
    skipped=$((skipped + 1))
fi

echo "$passed passed, $failed failed, $skipped skipped"
[ $failed = 0 ]
