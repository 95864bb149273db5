#!/bin/sh
# test_opencl_command.sh - --device opencl: the list of devices, the CPU's text, and the reasons of refusals.
tests=$(cd "$(dirname "$0")" && pwd)
. "$tests/expect.sh"

run 0 info --devices
holds out "  cpu "
holds out "  reference "
WKV_PLUGINS="$work" run 0 info --devices
holds err "no OpenCL devices: libwkv-opencl.so is neither in $work"
WKV_PLUGINS="$work" run 1 generate --device gpu -n 1 Once
holds err "libwkv-opencl.so is neither in $work"
run 1 generate --device opencl:x -n 1 Once
holds err 'no device called "opencl:x"; there are cpu and reference, and opencl'

run 0 info --devices
if grep -q "opencl:0" out; then
    mkdir none
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
        . "$tests/server.sh"
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
else
    echo "skip opencl: $(cat err)"
    skipped=$((skipped + 1))
fi

echo "$passed passed, $failed failed, $skipped skipped"
[ $failed = 0 ]
