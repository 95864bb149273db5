#!/bin/sh
# libraries.sh HOST FOLDER - build the libraries of wkv for another system or processor into FOLDER, as static libraries.
#
#     x86_64-linux-musl     for programs that run on any Linux of this processor; musl-tools
#     x86_64-w64-mingw32    for Windows; mingw-w64
#     aarch64-linux-gnu, arm-linux-gnueabihf, riscv64-linux-gnu    with gcc-HOST
#     aarch64-macos, x86_64-macos                                  with the compiler of tools/ziglang.sh, in PATH
#     wasm32-unknown-emscripten    for browsers, the first five alone; emscripten
#
# Sources are Debian 12's source packages, from the package sources that this machine is configured with. Each is pinned
# by the SHA-256 of its description (.dsc), which holds those of its archives. A library that is built already is kept.
# The bytes of a library depend neither on FOLDER nor on the time. Open MPI and OpenCL are left out: both load plug-ins.
set -e
host=$1
mkdir -p "$2/lib/pkgconfig" "$2/include" "$2/sources"
prefix=$(cd "$2" && pwd)
jobs=${JOBS:-$(nproc 2>/dev/null || echo 2)}
flags="-O2 -fPIC -ffile-prefix-map=$prefix=."

say() { printf '%s\n' "$*" >&2; }
die() {
    say "libraries.sh: $*"
    exit 1
}

system=Linux tools=$host- compiler=$host-gcc triple=$host resources=
case $host in
*-linux-musl) tools='' compiler=musl-gcc ;; # the compiler of the machine with musl's headers and libraries
*-mingw32) system=Windows compiler=$host-gcc-posix resources=-DCMAKE_RC_COMPILER=$host-windres ;;
*-macos)
    system=Darwin compiler=$host-clang triple=${host%-macos}-apple-darwin resources=-DCMAKE_INSTALL_NAME_TOOL=true
    # their names stay inside libwkv.dylib
    flags="$flags -fvisibility=hidden -DZSTDLIB_VISIBLE= -DZSTDERRORLIB_VISIBLE= -DUTF8PROC_STATIC"
    ;;
*-linux-gnu*) ;;
*-emscripten)
    system=Emscripten tools=em compiler=emcc flags="-O3 -msimd128 -ffile-prefix-map=$prefix=."
    resources=-DCMAKE_TOOLCHAIN_FILE=/usr/share/emscripten/cmake/Modules/Platform/Emscripten.cmake
    export NODE_PATH="/usr/share/nodejs:$NODE_PATH" # also where node is not the one of Debian
    ;;
*) die "found the host $host, expected one of those at the top of this file" ;;
esac
for program in $compiler "${tools}ar" apt-get dpkg-source cmake make m4 tclsh; do
    command -v "$program" >/dev/null ||
        die "$program is missing; Debian has these programs in musl-tools, mingw-w64, gcc-$host, emscripten, dpkg-dev, m4 and tcl"
done

# apt with the source entries of this machine's Debian, in lists of its own
configure_apt() {
    apt=$prefix/sources/apt
    [ -f "$apt/ready" ] && return
    code=$(. /etc/os-release && echo "${VERSION_CODENAME:-}")
    [ "$code" = bookworm ] || die "found Debian ${code:-of no name}, expected Debian 12 (bookworm), whose sources are pinned"
    rm -rf "$apt"
    mkdir -p "$apt/parts" "$apt/lists/partial"
    for file in /etc/apt/sources.list /etc/apt/sources.list.d/*; do
        [ -s "$file" ] || continue
        case $file in
        *.sources) # paragraphs
            awk -v RS= -v ORS='\n\n' "/(^|\n)Suites:.* $code/" "$file" | sed 's/^Types:.*/Types: deb-src/'
            ;;
        *.list) sed -nE "/^deb .* $code([ -\/]|\$)/s/^deb /deb-src /p" "$file" ;;
        esac >"$apt/parts/$(basename "$file")"
    done
    cat >"$apt/conf" <<END
Dir::Etc::SourceList "/dev/null";
Dir::Etc::SourceParts "$apt/parts";
Dir::State::Lists "$apt/lists";
APT::Sandbox::User "root";
END
    APT_CONFIG=$apt/conf apt-get update -qq || die "apt cannot read the lists of sources"
    touch "$apt/ready"
}

# fetch PACKAGE VERSION SHA256: its source, patched, as the folder PACKAGE
fetch() {
    configure_apt
    cd "$prefix/sources"
    version=${2#*:} # file names lack the epoch
    APT_CONFIG=$apt/conf apt-get source -qq --download-only --only-source "$1=$2" >&2 ||
        die "$1 $2 is not among the sources of this machine's Debian; if an update replaced it, pin the new one here"
    echo "$3  $1_$version.dsc" | sha256sum -c --quiet - >&2 || die "$1_$version.dsc has another SHA-256 than pinned"
    rm -rf "$1"
    dpkg-source --no-check --extract "$1_$version.dsc" "$1" >/dev/null
    cd "$1"
}

with_cmake() { # FOLDER OPTION...; headers of the machine itself are not looked for
    folder=$1
    shift
    cmake -S "$folder" -B built -DCMAKE_SYSTEM_NAME=$system \
        -DCMAKE_SYSTEM_PROCESSOR="${host%%-*}" -DCMAKE_C_COMPILER="$compiler" -DCMAKE_AR="$(command -v "${tools}ar")" \
        -DCMAKE_BUILD_TYPE=Release -DCMAKE_C_FLAGS="$flags" -DCMAKE_INSTALL_PREFIX="$prefix" \
        -DCMAKE_INSTALL_LIBDIR=lib -DBUILD_SHARED_LIBS=OFF \
        -DCMAKE_FIND_ROOT_PATH="$prefix" -DCMAKE_FIND_ROOT_PATH_MODE_INCLUDE=ONLY \
        -DCMAKE_FIND_ROOT_PATH_MODE_LIBRARY=ONLY -DCMAKE_FIND_ROOT_PATH_MODE_PACKAGE=ONLY $resources "$@" >log 2>&1 &&
        cmake --build built -j "$jobs" >>log 2>&1 && cmake --install built >>log 2>&1
}

with_configure() { # OPTION...
    ./configure --host="$triple" --prefix="$prefix" --libdir="$prefix/lib" --disable-shared --enable-static \
        CC="$compiler" AR="${tools}ar" RANLIB="${tools}ranlib" CFLAGS="$flags" "$@" >log 2>&1
}

build_zlib() {
    has=
    [ $system != Darwin ] || has=-Dfdopen=fdopen # 1.2.13 takes it away on all systems of Apple, for the oldest
    CHOST=$triple CC=$compiler RANLIB=${tools}ranlib CFLAGS="$flags $has" \
        ./configure --static --prefix="$prefix" >log 2>&1 &&
        make -j "$jobs" AR="${tools}ar" ARFLAGS=rc libz.a >>log 2>&1 && cp libz.a "$prefix/lib/" &&
        cp zlib.h zconf.h "$prefix/include/" && cp zlib.pc "$prefix/lib/pkgconfig/"
}
build_jansson() { with_cmake . -DJANSSON_BUILD_DOCS=OFF -DJANSSON_EXAMPLES=OFF -DJANSSON_WITHOUT_TESTS=ON; }
build_nettle() { # without signatures, which need GMP
    case $host in
    x86_64-linux-*) kernels=--enable-fat ;; # the processor's instructions for SHA-256, chosen at run time
    *) kernels=--disable-assembler ;;
    esac
    with_configure $kernels --disable-public-key --disable-documentation --disable-openssl &&
        make -j "$jobs" libnettle.a nettle.pc >>log 2>&1 && mkdir -p "$prefix/include/nettle" &&
        cp ./*.h "$prefix/include/nettle/" && cp libnettle.a "$prefix/lib/" && cp nettle.pc "$prefix/lib/pkgconfig/"
}
build_pcre2() {
    jit=ON
    case $host in riscv64-* | wasm32-*) jit=OFF ;; esac # 10.42 has none for them
    with_cmake . -DPCRE2_BUILD_TESTS=OFF -DPCRE2_BUILD_PCRE2GREP=OFF -DPCRE2_SUPPORT_JIT=$jit
}
build_utf8proc() { with_cmake . -DUTF8PROC_ENABLE_TESTING=OFF; }
build_libzstd() { # its Makefile asks for the system by two names; its CMake also wants a compiler of C++
    os=$system
    [ $system != Windows ] || os=Windows_NT
    plain=0
    [ $system != Darwin ] || plain=1 # the names of its assembler would not stay inside libwkv.dylib
    set -- CC="$compiler" CFLAGS="$flags" AR="${tools}ar" TARGET_SYSTEM=$os OS=$os PREFIX="$prefix" ZSTD_NO_ASM=$plain
    make -C lib -j "$jobs" "$@" libzstd.a >log 2>&1 && make -C lib "$@" install-includes install-static install-pc >>log 2>&1
}
build_sqlite3() { # its one file is put together by programs of the machine that builds, and is the same for each
    ./configure --prefix="$prefix" --libdir="$prefix/lib" --disable-tcl --disable-readline --disable-load-extension >log 2>&1 &&
        make sqlite3.c >>log 2>&1 &&
        # shellcheck disable=SC2086 # a list of words
        "$compiler" $flags -DSQLITE_THREADSAFE=1 -DSQLITE_OMIT_LOAD_EXTENSION -c sqlite3.c -o sqlite3.o >>log 2>&1 &&
        "${tools}ar" rcs "$prefix/lib/libsqlite3.a" sqlite3.o && cp sqlite3.h "$prefix/include/" &&
        cp sqlite3.pc "$prefix/lib/pkgconfig/"
}
build_libmicrohttpd() {
    with_configure --disable-https --disable-doc --disable-examples --disable-curl --disable-tools &&
        make -j "$jobs" -C src/include install >>log 2>&1 && make -j "$jobs" -C src/microhttpd install >>log 2>&1 &&
        make install-pkgconfigDATA >>log 2>&1
}
build_hiredis() {
    case $host in
    *-macos) as=-Wno-incompatible-function-pointer-types ;; # a size_t where 0.14.1 says int
    arm-*) as="-D_FILE_OFFSET_BITS=64 -D_TIME_BITS=64" ;;       # times as the program has them (cmake/foreign.cmake)
    *) as= ;;
    esac
    make -j "$jobs" CC="$compiler" AR="${tools}ar" OPTIMIZATION="$flags $as" PREFIX="$prefix" libhiredis.a hiredis.pc \
        >log 2>&1 &&
        mkdir -p "$prefix/include/hiredis/adapters" && cp ./*.h "$prefix/include/hiredis/" &&
        cp libhiredis.a "$prefix/lib/" && cp hiredis.pc "$prefix/lib/pkgconfig/"
}
build_ncurses() { # only what libedit asks of a terminal; the usual ones are known without the files of the system
    with_configure --with-fallbacks=linux,screen,screen-256color,tmux,tmux-256color,vt100,xterm,xterm-256color \
        --with-termlib --without-cxx --without-cxx-binding --without-ada --without-progs --without-tests \
        --without-manpages --disable-db-install --disable-stripping --enable-widec --enable-pc-files \
        --with-pkg-config-libdir="$prefix/lib/pkgconfig" --with-default-terminfo-dir=/usr/share/terminfo \
        --with-terminfo-dirs=/etc/terminfo:/lib/terminfo:/usr/share/terminfo &&
        make -j "$jobs" libs >>log 2>&1 && make install.libs install.includes >>log 2>&1 &&
        ln -sf libtinfow.a "$prefix/lib/libtinfo.a"
}
build_libedit() {
    touch aclocal.m4 configure && find . -name '*.in' -exec touch {} + # newer than the patched configure.ac: not made anew
    unicode=
    case $host in *-linux-musl) unicode=-D__STDC_ISO_10646__=201103L ;; esac # so it is in musl, which does not say so
    with_configure --disable-examples CPPFLAGS="-I$prefix/include -I$prefix/include/ncursesw $unicode" \
        LDFLAGS="-L$prefix/lib" &&
        make -j "$jobs" -C src install >>log 2>&1 && make install-pkgconfigDATA >>log 2>&1
}

# library PACKAGE VERSION SHA256
library() {
    [ "$(cat "$prefix/sources/$1.built" 2>/dev/null)" = "$3" ] && return
    say "Building $1 $2 for $host"
    (fetch "$@" && "build_$1") || die "$1 cannot be built; the output is in $prefix/sources/$1/log"
    mkdir -p "$prefix/licenses"
    cp "$prefix/sources/$1/debian/copyright" "$prefix/licenses/$1"
    rm -rf "$prefix/sources/$1"
    echo "$3" >"$prefix/sources/$1.built"
}

library zlib 1:1.2.13.dfsg-1 3fa1e6b2fc525062aa88207dda52fed8e045373c809d362fe8a2bfbf7cf515a8
library jansson 2.14-2 6296ddd9c0a022bd1b70074aefb171cfcdf5694a04ffd32b35fd66097621af87
library nettle 3.8.1-2 a437e204da67612efb656cab354835f358b44c077c5c0a46d6e8c30b5c0bddff
library pcre2 10.42-1 726dafe7a8d07332d4df61edf23f384ddb158b2b263846273d1103b6b9a7c176
library utf8proc 2.8.0-1 6ce2b0ab12fe7d0c3fd0a40d4eb886ae82bf6ea356e4db1a0a9f76582947625c
[ $system = Emscripten ] && exit 0 # a page opens models, and nothing else
library libzstd 1.5.4+dfsg2-5 8f602f92b575aa8b5e979196fb6ee82d78f233521dc9636526d3ecba1f63c1b1
library sqlite3 3.40.1-2+deb12u2 ee3459ae9d00939741c7708fc1b8ce1bde12d8c3fb1dfa005bbbc8651d884e23
library libmicrohttpd 0.9.75-6 c0f8a9cd77c41285d2d48fc68bbee2e460a55042fcd5d3f6b9946c017d4b6846
[ $system != Windows ] || exit 0 # where the others have no use, or no build
library hiredis 0.14.1-3 6dee69e4c29f8b71de5e4ac76d1f887a6c545bd49b6801bcf2c03b646c98a235
[ $system != Darwin ] || exit 0 # which has an editor of its own
library ncurses 6.4-4 a35710b02a3de6ab8f9da7fa2e3726a609cc26c936ad85b2094ef91aa996fc94
library libedit 3.1-20221030-2 6e701f5e0bcd81f80fe3686d84861e9d9247e247ed08fb96ffc3746102aedd21
