#!/bin/sh
# windows-libraries.sh FOLDER - build the libraries of wkv for 64-bit Windows into FOLDER, with Debian's mingw-w64.
#
# Sources are Debian 12's source packages, from the package sources that this machine is configured with. Each is pinned
# by the SHA-256 of its description (.dsc), which holds those of its archives. A library that is built already is kept.
# libedit, hiredis, Open MPI and OpenCL are left out: they have no use on Windows, or no Windows build.
set -e
mkdir -p "$1/lib/pkgconfig" "$1/include" "$1/sources"
prefix=$(cd "$1" && pwd)
host=x86_64-w64-mingw32
jobs=$(nproc 2>/dev/null || echo 2)

say() { printf '%s\n' "$*" >&2; }
die() {
    say "windows-libraries.sh: $*"
    exit 1
}

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
        die "$1 $2 is not among the sources of this machine's Debian; a security update replaced it: pin the new one here"
    echo "$3  $1_$version.dsc" | sha256sum -c --quiet - >&2 || die "$1_$version.dsc has another SHA-256 than pinned"
    rm -rf "$1"
    dpkg-source --no-check --extract "$1_$version.dsc" "$1" >/dev/null
    cd "$1"
}

with_cmake() { # FOLDER OPTION...
    cmake -S "$1" -B built -DCMAKE_SYSTEM_NAME=Windows -DCMAKE_SYSTEM_PROCESSOR=x86_64 \
        -DCMAKE_C_COMPILER=$host-gcc-posix -DCMAKE_RC_COMPILER=$host-windres -DCMAKE_BUILD_TYPE=Release \
        -DCMAKE_INSTALL_PREFIX="$prefix" -DCMAKE_INSTALL_LIBDIR=lib -DBUILD_SHARED_LIBS=OFF "$@" >log 2>&1 &&
        cmake --build built -j "$jobs" >>log 2>&1 && cmake --install built >>log 2>&1
}

with_configure() { # OPTION...
    ./configure --host=$host --prefix="$prefix" --disable-shared --enable-static CC=$host-gcc-posix "$@" >log 2>&1
}

build_zlib() {
    CC=$host-gcc-posix AR=$host-ar RANLIB=$host-ranlib CFLAGS=-O2 ./configure --static --prefix="$prefix" >log 2>&1 &&
        make -j "$jobs" libz.a >>log 2>&1 && cp libz.a "$prefix/lib/" && cp zlib.h zconf.h "$prefix/include/"
}
build_jansson() { with_cmake . -DJANSSON_BUILD_DOCS=OFF -DJANSSON_EXAMPLES=OFF -DJANSSON_WITHOUT_TESTS=ON; }
build_nettle() {
    with_configure --disable-assembler --disable-public-key --disable-documentation --disable-openssl \
        --libdir="$prefix/lib" && make -j "$jobs" libnettle.a >>log 2>&1 &&
        make install-here nettle.pc >>log 2>&1
    mkdir -p "$prefix/include/nettle"
    cp ./*.h "$prefix/include/nettle/" && cp libnettle.a "$prefix/lib/" && cp nettle.pc "$prefix/lib/pkgconfig/"
}
build_pcre2() {
    with_configure --enable-jit && make -j "$jobs" libpcre2-8.la >>log 2>&1 && cp .libs/libpcre2-8.a "$prefix/lib/" &&
        cp src/pcre2.h "$prefix/include/" && cp libpcre2-8.pc "$prefix/lib/pkgconfig/"
}
build_utf8proc() { with_cmake . -DUTF8PROC_ENABLE_TESTING=OFF; }
build_libzstd() {
    make -C lib -j "$jobs" CC=$host-gcc-posix AR=$host-ar TARGET_SYSTEM=Windows_NT OS=Windows_NT libzstd.a >log 2>&1 &&
        make -C lib CC=$host-gcc-posix AR=$host-ar PREFIX="$prefix" install-includes install-static install-pc >>log 2>&1
}
build_sqlite3() { # its one file is put together by programs of the machine that builds, and is the same for each
    ./configure --prefix="$prefix" --disable-tcl --disable-readline --disable-load-extension >log 2>&1 &&
        make sqlite3.c >>log 2>&1 &&
        $host-gcc-posix -O2 -DSQLITE_THREADSAFE=1 -DSQLITE_OMIT_LOAD_EXTENSION -c sqlite3.c -o sqlite3.o >>log 2>&1 &&
        $host-ar rcs "$prefix/lib/libsqlite3.a" sqlite3.o && cp sqlite3.h "$prefix/include/" &&
        cp sqlite3.pc "$prefix/lib/pkgconfig/"
}
build_libmicrohttpd() {
    with_configure --disable-https --disable-doc --disable-examples --disable-curl --disable-tools &&
        make -j "$jobs" -C src/include install >>log 2>&1 && make -j "$jobs" -C src/microhttpd install >>log 2>&1 &&
        make install-pkgconfigDATA >>log 2>&1
}

# library PACKAGE VERSION SHA256
library() {
    [ "$(cat "$prefix/sources/$1.built" 2>/dev/null)" = "$3" ] && return
    say "Building $1 $2 for Windows"
    (fetch "$@" && "build_$1") || die "$1 cannot be built; the output is in $prefix/sources/$1/log"
    echo "$3" >"$prefix/sources/$1.built"
}

library zlib 1:1.2.13.dfsg-1 3fa1e6b2fc525062aa88207dda52fed8e045373c809d362fe8a2bfbf7cf515a8
library jansson 2.14-2 6296ddd9c0a022bd1b70074aefb171cfcdf5694a04ffd32b35fd66097621af87
library nettle 3.8.1-2 a437e204da67612efb656cab354835f358b44c077c5c0a46d6e8c30b5c0bddff
library pcre2 10.42-1 726dafe7a8d07332d4df61edf23f384ddb158b2b263846273d1103b6b9a7c176
library utf8proc 2.8.0-1 6ce2b0ab12fe7d0c3fd0a40d4eb886ae82bf6ea356e4db1a0a9f76582947625c
library libzstd 1.5.4+dfsg2-5 8f602f92b575aa8b5e979196fb6ee82d78f233521dc9636526d3ecba1f63c1b1
library sqlite3 3.40.1-2+deb12u2 ee3459ae9d00939741c7708fc1b8ce1bde12d8c3fb1dfa005bbbc8651d884e23
library libmicrohttpd 0.9.75-6 c0f8a9cd77c41285d2d48fc68bbee2e460a55042fcd5d3f6b9946c017d4b6846
