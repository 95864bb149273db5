#!/bin/sh
# test_packages.sh - the files of packaging/ for Debian, Homebrew, Arch Linux and Nix: their own programs can read them,
# and they name the libraries that the build looks for. tools/check-packages.sh installs what is built with them.
. "$(dirname "$0")/expect.sh"
root=$(realpath "$here/..")
packaging=$root/packaging
reads() { # FILE PROGRAM...: the program ends with 0
    file=$1
    shift
    if command -v "$1" >/dev/null; then
        "$@" "$packaging/$file" >out 2>&1
        is "$?: $(head -n 3 out)" "0: $(head -n 3 out)" "$file, read by $1"
    else
        echo "skip $file: no $1 here"
    fi
}
reads homebrew/wkv.rb ruby -c
reads arch/PKGBUILD bash -n
reads nix/default.nix nix-instantiate --parse
reads debian/rules make -n -f

# setup.sh has each library's package for each manager
. "$root/tools/setup.sh"
libraries=$(sed -n 's/.*pkg_check_modules(\([A-Z0-9]*\) .*IMPORTED_TARGET \([A-Za-z0-9-]*\)).*/\2/p' "$root/CMakeLists.txt")
is "$(echo "$libraries" | wc -l)" 10 "libraries of CMakeLists.txt with pkg-config"
names() { # FILE MANAGER: it names the packages
    manager=$2
    for library in zlib $libraries; do
        for package in $(package "$library"); do
            grep -qE "(^|[^a-z0-9-])$package([^a-z0-9-]|\$)" "$packaging/$1"
            is $? 0 "$1 names $package"
        done
    done
}
names debian/control apt
names arch/PKGBUILD pacman
names homebrew/wkv.rb brew

# the words that a release fills in
for file in homebrew/wkv.rb arch/PKGBUILD; do
    for word in VERSION URL SHA256; do holds "$packaging/$file" "@$word@"; done
done
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
