#!/bin/sh
# test_setup.sh - run.sh and test.sh on machines without this or that: tools/setup.sh among programs that only pretend,
# and the sums of tools/check.sh.
. "$(dirname "$0")/expect.sh"
mkdir bin build || exit 1

for tool in tr sed rm mktemp cat; do ln -s "$(command -v $tool)" bin/$tool; done
for tool in cc make cmake apt-get; do printf '#!/bin/sh\nexit 0\n' >bin/$tool; done
printf '#!/bin/sh\necho 1000\n' >bin/id
# pkg-config --exists NAME: the names in the file libraries are there
printf '#!/bin/sh\nwhile read -r name; do [ "$name" = "$2" ] && exit 0; done <libraries\nexit 1\n' >bin/pkg-config
chmod +x bin/cc bin/make bin/cmake bin/apt-get bin/id bin/pkg-config
shell=$(command -v sh)
# prepare STATUS: run setup as a user without sudo
prepare() {
    env -i PATH="$work/bin" "$shell" -c ". '$here/../tools/setup.sh'; setup" >out 2>err
    is $? "$1" "status of setup with $(tr '\n' ' ' <libraries)"
}
configured() {
    printf '%s_FOUND:INTERNAL=1\n' JANSSON NETTLE PCRE2 UTF8PROC ZSTD SQLITE MICROHTTPD HIREDIS OPENCL >build/CMakeCache.txt
    printf 'EDIT_FOUND:INTERNAL=%s\n' "$1" >>build/CMakeCache.txt
}

printf 'nettle\nzlib\nlibpcre2-8\nlibutf8proc\nlibzstd\nsqlite3\nlibmicrohttpd\nhiredis\nOpenCL\n' >libraries
prepare 1
holds err "    sudo apt-get install -y libjansson-dev libedit-dev"

printf 'jansson\nzlib\nlibpcre2-8\nlibutf8proc\nlibedit\nlibzstd\nsqlite3\nlibmicrohttpd\nhiredis\nOpenCL\n' >libraries
prepare 1
holds err "    sudo apt-get install -y nettle-dev"

printf 'jansson\nnettle\nzlib\nlibpcre2-8\nlibutf8proc\nlibzstd\nsqlite3\nlibmicrohttpd\nhiredis\nOpenCL\n' >libraries
configured 1
prepare 0
holds err "Continuing without the optional: libedit"
holds err "    sudo apt-get install -y libedit-dev"
holds err "Configuring anew: libedit is gone"
[ -e build/CMakeCache.txt ] && fail "a build without its library stays configured"
configured ""
prepare 0
lacks err "Configuring"

echo libedit >>libraries
prepare 0
holds err "Configuring anew: libedit is here now"
configured 1
prepare 0
is "$(cat err)" "" "the output of setup with all there"
[ -e build/CMakeCache.txt ] || fail "a build that is as it should be is forgotten"

# ---- a build for another processor: the cross compiler, and what its libraries need
env -i PATH="$work/bin" "$shell" -c ". '$here/../tools/setup.sh'; with_host=riscv64-linux-gnu; setup" >out 2>err
is $? 1 "status of setup without a cross compiler"
holds err "    sudo apt-get install -y gcc-riscv64-linux-gnu libc6-dev-riscv64-cross qemu-user-static python3 clang dpkg-dev m4 tcl"
env -i PATH="$work/bin" "$shell" -c ". '$here/../tools/setup.sh'; with_host=aarch64-macos; setup" >out 2>err
is $? 1 "status of setup without pip"
holds err "    sudo apt-get install -y python3-pip dpkg-dev m4 tcl"

# ---- Homebrew: libraries that it keeps apart are found
mkdir -p brew/opt/libedit/lib/pkgconfig brew/opt/zlib
printf '#!/bin/sh\necho "%s/brew"\n' "$work" >bin/brew
printf '#!/bin/sh\n[ "$2" != libedit ] || [ "$PKG_CONFIG_PATH" = "%s/brew/opt/libedit/lib/pkgconfig" ]\n' "$work" >bin/pkg-config
chmod +x bin/brew
rm -f build/CMakeCache.txt
prepare 0
is "$(cat err)" "" "the output of setup with a library apart"

# ---- the sums of the tests -------------------------------------------------------------------------------------------
mkdir -p build/Testing/Temporary
printf '#!/bin/sh\nexit 0\n' >bin/ctest
chmod +x bin/ctest
cat >build/Testing/Temporary/LastTest.log <<'END'
1/2 Testing: test_a
skip /some/clone/tests/../../shared/data/x.pth is not there
skip /some/clone/../shared/data/y.pth is not there
skip why: a reason
3 passed, 0 failed, 3 skipped
END
PATH="$work/bin:$PATH" sh "$here/../tools/check.sh" build >out
is "$(cat out)" "test_a: skip why: a reason
2 skipped: their data is not part of this repository
3 skipped
3 passed, 0 failed" "the sums of the tests"

echo "$passed passed, $failed failed, $skipped skipped"
[ $failed = 0 ]
