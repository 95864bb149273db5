# setup.sh - what run.sh and test.sh share: install what is missing. Sourced from the root of the clone by a POSIX shell.
#
# Asks the machine what it has (a compiler that links, make, cmake, pkg-config, the libraries by pkg-config), says what
# it is going to install, and installs only that. With nothing missing it neither needs the network nor root.

say() { printf '%s\n' "$*" >&2; }

# package NEED: what the package manager at hand calls it
package() {
    case $manager:$1 in
    apt:compiler) echo gcc libc6-dev ;;
    apt:cross-compiler) # with glibc's headers, which the compiler only recommends
        case $with_host in
        aarch64-*) echo gcc-aarch64-linux-gnu libc6-dev-arm64-cross ;;
        arm-*) echo gcc-arm-linux-gnueabihf libc6-dev-armhf-cross ;;
        *) echo gcc-riscv64-linux-gnu libc6-dev-riscv64-cross ;;
        esac
        ;;
    apt:qemu) echo qemu-user-static ;;
    apt:pkg-config) echo pkg-config ;;
    apt:jansson) echo libjansson-dev ;;
    apt:nettle) echo nettle-dev ;;
    apt:zlib) echo zlib1g-dev ;;
    apt:libpcre2-8) echo libpcre2-dev ;;
    apt:libutf8proc) echo libutf8proc-dev ;;
    apt:libedit) echo libedit-dev ;;
    apt:libzstd) echo libzstd-dev ;;
    apt:sqlite3) echo libsqlite3-dev ;;
    apt:libmicrohttpd) echo libmicrohttpd-dev ;;
    apt:hiredis) echo libhiredis-dev ;;
    apt:OpenCL) echo ocl-icd-opencl-dev ;;
    apt:opencl-driver) echo pocl-opencl-icd ;;
    apt:mingw) echo gcc-mingw-w64-x86-64-posix ;;
    apt:wine) echo wine wine64 ;;
    apt:dpkg-source) echo dpkg-dev ;;
    apt:tclsh) echo tcl ;;
    apt:pip) echo python3-pip ;;
    dnf:OpenCL) echo ocl-icd-devel ;;
    pacman:OpenCL) echo ocl-icd opencl-headers ;;
    brew:OpenCL) echo opencl-icd-loader opencl-headers ;;
    *:opencl-driver) echo pocl ;;
    dnf:compiler | pacman:compiler) echo gcc ;;
    dnf:pkg-config) echo pkgconf-pkg-config ;;
    dnf:libpcre2-8) echo pcre2-devel ;;
    dnf:libutf8proc) echo utf8proc-devel ;;
    dnf:libzstd) echo libzstd-devel ;;
    dnf:sqlite3) echo sqlite-devel ;;
    dnf:jansson | dnf:nettle | dnf:zlib | dnf:libedit | dnf:libmicrohttpd | dnf:hiredis) echo "$1-devel" ;;
    pacman:pkg-config) echo pkgconf ;;
    *:libpcre2-8) echo pcre2 ;;
    *:libzstd) echo zstd ;;
    *:sqlite3) echo sqlite ;;
    brew:libutf8proc) echo utf8proc ;;
    brew:compiler) echo gcc ;;
    brew:timeout) echo coreutils ;;
    *) echo "$1" ;;
    esac
}

install_packages() {
    case $manager in
    apt)
        $as_root env DEBIAN_FRONTEND=noninteractive apt-get update -qq &&
            $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@"
        ;;
    dnf) $as_root dnf install -y -q "$@" ;;
    pacman) $as_root pacman -Sy --needed --noconfirm "$@" ;;
    brew) brew install -q "$@" ;;
    esac >&2
}

# command_of PACKAGE...: the line to copy
command_of() {
    case $manager in
    apt) echo "sudo apt-get install -y $*" ;;
    dnf) echo "sudo dnf install -y $*" ;;
    pacman) echo "sudo pacman -S --needed $*" ;;
    brew) echo "brew install $*" ;;
    *) echo "install with your package manager: $*" ;;
    esac
}

# A build that was configured with other libraries than are here now is configured anew.
forget_build() {
    [ -f build/CMakeCache.txt ] || return 0
    for pair in JANSSON:jansson NETTLE:nettle PCRE2:libpcre2-8 UTF8PROC:libutf8proc EDIT:libedit ZSTD:libzstd \
        SQLITE:sqlite3 MICROHTTPD:libmicrohttpd HIREDIS:hiredis OPENCL:OpenCL; do
        was=$(sed -n "s/^${pair%%:*}_FOUND:INTERNAL=//p" build/CMakeCache.txt)
        is=
        pkg-config --exists "${pair#*:}" 2>/dev/null && is=1
        [ "${was:-}" = "$is" ] && continue
        say "Configuring anew: ${pair#*:} $([ -n "$is" ] && echo is here now || echo is gone)"
        rm -f build/CMakeCache.txt
        return 0
    done
}

compiles() {
    probe=$(mktemp -d) || return 1
    echo 'int main(void) { return 0; }' >"$probe/a.c"
    "${CC:-cc}" -o "$probe/a" "$probe/a.c" >/dev/null 2>&1
    probed=$?
    rm -rf "$probe"
    return $probed
}

missing() {
    compiles || echo compiler
    for tool in make cmake pkg-config; do
        command -v $tool >/dev/null 2>&1 || echo $tool
    done
    for library in jansson nettle zlib libpcre2-8 libutf8proc libedit libzstd sqlite3 libmicrohttpd \
        hiredis OpenCL; do
        pkg-config --exists $library 2>/dev/null || echo $library
    done
    [ -z "${with_host:-}" ] || missing_for_host
    [ -z "${with_tests:-}" ] || missing_for_tests
}

# with_tests=1. Where there is no GPU, OpenCL runs on the processor; not on macOS, where no such driver was tried.
missing_for_tests() {
    command -v timeout >/dev/null 2>&1 || echo timeout
    ls /etc/OpenCL/vendors/*.icd >/dev/null 2>&1 || [ "$(uname)" = Darwin ] || echo opencl-driver
}

# with_host=HOST: a build for another processor or system (tools/foreign.sh)
missing_for_host() {
    case $with_host in
    *-mingw32)
        command -v "$with_host-gcc-posix" >/dev/null 2>&1 || echo mingw
        command -v wine >/dev/null 2>&1 || echo wine
        python3 -m pip --version >/dev/null 2>&1 || echo pip # Python for its package's test
        ;;
    *-macos) python3 -m pip --version >/dev/null 2>&1 || echo pip ;;
    *-emscripten) command -v emcc >/dev/null 2>&1 || echo emscripten ;;
    *)
        (CC=$with_host-gcc && compiles) || echo cross-compiler
        command -v "qemu-${with_host%%-*}-static" >/dev/null 2>&1 || echo qemu
        command -v python3 >/dev/null 2>&1 || echo python3 # writes the Python package
        case $with_host in riscv64-*) command -v clang >/dev/null 2>&1 || echo clang ;; esac
        ;;
    esac
    command -v dpkg-source >/dev/null 2>&1 || echo dpkg-source # sources of libraries
    command -v m4 >/dev/null 2>&1 || echo m4                   # nettle is configured with it
    command -v tclsh >/dev/null 2>&1 || echo tclsh             # puts SQLite together
}

# Libraries that Homebrew keeps apart, because macOS has an older one.
find_apart() {
    command -v brew >/dev/null 2>&1 || return 0
    for formula in libedit sqlite zlib; do
        folder=$(brew --prefix)/opt/$formula/lib/pkgconfig
        [ ! -d "$folder" ] || PKG_CONFIG_PATH=$folder${PKG_CONFIG_PATH:+:$PKG_CONFIG_PATH}
    done
    export PKG_CONFIG_PATH
}

setup() {
    find_apart
    needs=$(missing | tr '\n' ' ')
    [ -z "$needs" ] || get_packages
    forget_build
}

get_packages() {
    manager=
    for candidate in apt-get dnf pacman brew; do
        command -v $candidate >/dev/null 2>&1 && manager=${candidate%-get} && break
    done
    packages=
    for need in $needs; do packages="$packages $(package "$need")"; done

    as_root=
    if [ "$manager" != brew ] && [ "$(id -u)" != 0 ]; then
        as_root=$(command -v sudo || true)
        [ -z "$as_root" ] && refused="installing needs root or sudo"
    fi
    [ -z "$manager" ] && refused="none of apt, dnf, pacman, brew is here"

    if [ -z "${refused:-}" ]; then
        say "Installing with $manager:$packages"
        # shellcheck disable=SC2086 # a list of words
        install_packages $packages || refused="installing failed"
        find_apart
    fi
    needs=$(missing | tr '\n' ' ')
    case $needs in
    *compiler* | *qemu* | *mingw* | *wine* | *pip* | *python3* | *emscripten* | *dpkg-source* | *m4* | *tclsh* | *make* | *pkg-config* | *jansson* | *nettle* | *zlib*)
        # shellcheck disable=SC2086 # a list of words
        say "Missing: $needs(${refused:-not in the packages installed}). Please run:
    $(command_of $packages)"
        exit 1
        ;;
    # shellcheck disable=SC2086
    ?*) say "Continuing without the optional: $needs(${refused:-not in the packages installed}). To have them:
    $(command_of $packages)" ;;
    esac
}
