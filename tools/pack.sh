# pack.sh - what deb.sh, static.sh and release.sh share. Sourced from the root of the sources by a POSIX shell.
. tools/setup.sh
unset CMAKE_C_COMPILER_LAUNCHER # a cache of the compiler may give sources other names, which the program holds

# need PROGRAM:PACKAGE...: install the packages of Debian whose programs are missing
need() {
    packages=
    for pair in "$@"; do
        command -v "${pair%%:*}" >/dev/null 2>&1 || packages="$packages ${pair#*:}"
    done
    [ -n "$packages" ] || return 0
    manager=apt as_root=
    [ "$(id -u)" = 0 ] || as_root=$(command -v sudo) || :
    if ! command -v apt-get >/dev/null 2>&1 || { [ -z "$as_root" ] && [ "$(id -u)" != 0 ]; }; then
        say "Missing on this machine:$packages (names of Debian's packages)"
        exit 1
    fi
    say "Installing with apt:$packages"
    # shellcheck disable=SC2086 # a list of words
    install_packages $packages
}

version_of_sources() { sed -n 's/^project(wkv VERSION \([0-9.]*\).*/\1/p' CMakeLists.txt; }

# Seconds since 1970: those of the last commit, which the archive of the sources has as the times of its files
date_of_sources() {
    if [ -n "${SOURCE_DATE_EPOCH:-}" ]; then
        echo "$SOURCE_DATE_EPOCH"
    elif [ -e .git ]; then
        git log -1 --format=%ct
    else
        stat -c %Y CMakeLists.txt
    fi
}

# copy_sources FOLDER: the files of the repository, or of an archive of it, without what was built
copy_sources() {
    mkdir -p "$1"
    if [ -e .git ]; then
        git ls-files -z | tar -c --null -T - | tar -x -C "$1"
    else
        tar -c --exclude=./build --exclude=./wkv . | tar -x -C "$1"
    fi
    find "$1" -exec touch -h -d "@$(date_of_sources)" {} +
}
