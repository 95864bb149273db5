#!/bin/sh
# static.sh [FOLDER] - build the program for any Linux of this machine's processor, as one file that needs no other, and
# put its archive into FOLDER (build/packages): the program, manual page, completions, licences of the libraries inside.
#
# The same sources give the same bytes, in any folder and at any time.
set -e
cd "$(dirname "$0")/.."
. tools/pack.sh
setup
need musl-gcc:musl-tools dpkg-source:dpkg-dev tclsh:tcl m4:m4

mkdir -p "${1:-build/packages}"
to=$(cd "${1:-build/packages}" && pwd)
machine=$(uname -m)
name=wkv-$(version_of_sources)-linux-$machine-static
tools/libraries.sh "$machine-linux-musl" "build/libraries/$machine-linux-musl"
CFLAGS="-ffile-prefix-map=$PWD=." cmake --preset static >&2
cmake --build build/static -j "${JOBS:-$(nproc)}" --target wkv wkv_manual >&2

tree=build/static/$name
rm -rf "$tree"
mkdir -p "$tree/licenses"
strip -o "$tree/wkv" build/static/wkv
cp LICENSE README.md CHANGELOG.md build/static/wkv.1 build/static/wkv.bash build/static/_wkv build/static/wkv.fish "$tree/"
cp "build/libraries/$machine-linux-musl/licenses"/* /usr/share/doc/musl/copyright "$tree/licenses/"
mv "$tree/licenses/copyright" "$tree/licenses/musl"
tar -c -C build/static --sort=name --mtime="@$(date_of_sources)" --owner=0 --group=0 --numeric-owner --mode=go=rX \
    --format=ustar "$name" | gzip -n9 >"$to/$name.tar.gz"
(cd "$to" && ls "./$name.tar.gz")
