#!/bin/sh
# test_opencl_command.sh - --device opencl: the list of devices, the CPU's text, and the reasons of refusals.
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
else
    echo "skip opencl: $(cat err)"
    skipped=$((skipped + 1))
fi

echo "$passed passed, $failed failed, $skipped skipped"
[ $failed = 0 ]
