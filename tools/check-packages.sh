#!/bin/sh
# check-packages.sh FOLDER - use the files of release.sh in FOLDER as users would: the packages and the Python package in a
# bare Debian, the static program in a folder that has nothing else, and on emulated older processors. Needs root,
# debootstrap and qemu-x86_64, and the network for the bare Debian. The last line is "N passed, N failed".
cd "$(dirname "$0")/.." || exit 1
. tools/pack.sh
need debootstrap:debootstrap qemu-x86_64:qemu-user curl:curl script:bsdutils
from=$(cd "${1:-build/release}" && pwd) || exit 1
work=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill $server; rm -rf "$work"' EXIT
passed=0 failed=0
check() { # NAME COMMAND...: its status
    name=$1
    shift
    if "$@" >"$work/out" 2>&1; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        say "failed: $name"
        tail -n 20 "$work/out" >&2
    fi
}
story="generate --seed 9 -n 60 -q"

# ---- the static program ----------------------------------------------------------------------------------------------
empty=$work/empty
mkdir "$empty" "$empty/tmp"
tar -xz -C "$work" -f "$from"/wkv-*-static.tar.gz
cp "$work"/wkv-*-static/wkv "$empty/"
# shellcheck disable=SC2086 # options
story_of() { # FILE COMMAND...
    file=$1
    shift
    "$@" $story "Once upon a time" >"$file" 2>/dev/null && [ "$(wc -w <"$file")" -gt 30 ]
}
check "a story in an empty folder" story_of "$work/story" chroot "$empty" /wkv
check "self-test in an empty folder" chroot "$empty" /wkv selftest
refused() {
    chroot "$empty" /wkv generate --device opencl Once 2>"$work/refused" && return 1
    [ "$(wc -l <"$work/refused")" = 1 ] && grep -q "static program" "$work/refused"
}
check "--device opencl is refused" refused
edits() { # a letter at the beginning of the line, after Ctrl-A
    { printf 'ho are you?\001W\n'; sleep 5; printf '\004'; } |
        TERM=xterm script -qec "chroot '$empty' /wkv chat --seed 1" /dev/null >"$work/chat"
    grep -q "a small language model" "$work/chat" && ! grep termcap "$work/chat"
}
check "wkv chat edits lines in an empty folder" edits
chroot "$empty" /wkv serve --port 0 >"$work/at" 2>"$work/log" &
server=$!
answers() {
    for _ in $(seq 100); do
        [ -s "$work/at" ] && break
        sleep 0.1
    done
    curl -fs "$(cat "$work/at")/completions" -d '{"prompt": "Once upon a time", "max_tokens": 20}' | grep '"text"'
}
check "wkv serve in an empty folder" answers
kill $server
server=
for processor in qemu64 Nehalem Haswell; do
    check "a story on $processor" story_of "$work/story.$processor" qemu-x86_64 -cpu $processor "$empty/wkv"
    check "self-test on $processor" qemu-x86_64 -cpu $processor "$empty/wkv" selftest
    check "the same story on $processor" cmp "$work/story" "$work/story.$processor"
done

# ---- the packages of Debian ------------------------------------------------------------------------------------------
root=$work/debian
mirror=$(sed -n 's/^URIs: *//p; s/^deb \(\[.*\] \)\{0,1\}\([^ ]*\).*/\2/p' /etc/apt/sources.list /etc/apt/sources.list.d/* \
    2>/dev/null | grep '/debian/*$' | head -n 1)
check "a bare Debian" debootstrap --variant=minbase bookworm "$root" "$mirror"
mkdir -p "$root/packages"
cp "$from"/*.deb "$from"/*.whl "$root/packages/"
rm -f "$root"/packages/*dbgsym*
in_debian() { chroot "$root" env DEBIAN_FRONTEND=noninteractive "$@"; }
files_of_debian() { (cd "$root" && find etc usr lib bin sbin srv opt home root | sort) >"$1"; }
files_of_debian "$work/before"
check "the program's package" in_debian sh -c 'apt-get install -y --no-install-recommends /packages/wkv_*.deb'
check "a story in Debian" story_of "$work/story.debian" in_debian wkv
check "the story of the static program" cmp "$work/story" "$work/story.debian"
check "self-test in Debian" in_debian wkv selftest
for file in usr/share/man/man1/wkv.1.gz usr/share/bash-completion/completions/wkv lib/systemd/system/wkv.service; do
    check "$file" test -s "$root/$file"
done
check "removal" in_debian apt-get purge -y --autoremove wkv
files_of_debian "$work/after"
# dpkg's and the caches' own files aside
check "no file is left" sh -c "diff '$work/before' '$work/after' | grep '^>' | grep -v -e ldconfig -e __pycache__; test \$? = 1"

check "all packages and a compiler" in_debian sh -c \
    'apt-get install -y --no-install-recommends /packages/*.deb gcc libc6-dev pkg-config'
cp examples/hello.c "$root/packages/"
in_debian sh -c 'cd /packages && cc hello.c -o hello $(pkg-config --cflags --libs wkv)' >"$work/out" 2>&1
check "a program with libwkv: $(cat "$work/out")" in_debian /packages/hello
# a driver needs /sys, which this folder lacks; the plug-in is loaded before it looks for one
check "the plug-in of OpenCL" sh -c "chroot '$root' wkv generate --device opencl Once 2>&1 | grep 'no driver is installed'"

# ---- the Python package ----------------------------------------------------------------------------------------------
check "Python" in_debian apt-get install -y --no-install-recommends python3-venv python3-numpy
check "pip install of the wheel" in_debian sh -c \
    'python3 -m venv --system-site-packages /python && /python/bin/pip install --no-index /packages/*.whl'
program='import wkv; print(wkv.Model().generate("Once upon a time", seed=9, max_tokens=60).read())'
written_by_python() {
    in_debian /python/bin/python -c "$program" >"$work/story.python" && [ "$(wc -w <"$work/story.python")" -gt 30 ]
}
check "a story in Python" written_by_python
check "removal of all" in_debian apt-get purge -y wkv libwkv0 libwkv-dev wkv-opencl
echo "$passed passed, $failed failed"
[ $failed = 0 ]
