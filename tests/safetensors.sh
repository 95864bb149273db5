# safetensors.sh - small .safetensors files of tests, made with the shell alone; sourced by test_*.sh.

# ones N: N bytes of ones, which are NaN in every float type
ones() { head -c "$1" /dev/zero | LC_ALL=C tr '\000' '\377'; }
zeros() { head -c "$1" /dev/zero; }

# little N: N as 8 bytes, the lowest first
little() {
    printf "$(printf '\\%03o\\%03o\\%03o\\%03o\\000\\000\\000\\000' \
        $(($1 & 255)) $(($1 >> 8 & 255)) $(($1 >> 16 & 255)) $(($1 >> 24)))"
}

# all_of ones|zeros FILE NAME SHAPE COUNT [NAME SHAPE COUNT]...: float32 tensors; SHAPE is "2,3", COUNT its product
all_of() {
    nan_bytes=$1 nan_file=$2 nan_json='' nan_at=0
    shift 2
    while [ $# -gt 2 ]; do
        nan_json="$nan_json${nan_json:+,}\"$1\":{\"dtype\":\"F32\",\"shape\":[$2],\"data_offsets\":[$nan_at,"
        nan_at=$((nan_at + 4 * $3))
        nan_json="$nan_json$nan_at]}"
        shift 3
    done
    {
        little $((${#nan_json} + 2))
        printf '{%s}' "$nan_json"
        $nan_bytes $nan_at
    } >"$nan_file"
}

# put_nan FILE TENSOR: its first 4 bytes become ones
put_nan() {
    nan_head=$(($(od -An -tu4 -N4 "$1")))
    nan_from=$(head -c $((nan_head + 8)) "$1" | tail -c $nan_head | grep -o "\"$2\":{[^}]*}" |
        sed 's/.*"data_offsets":\[\([0-9]*\),.*/\1/')
    ones 4 | dd of="$1" bs=1 seek=$((8 + nan_head + nan_from)) conv=notrunc 2>/dev/null
}
