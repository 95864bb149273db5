#!/bin/sh
# release.sh [FOLDER] - the files of a release, in FOLDER (build/release), which is empty or does not exist:
#
#     wkv-VERSION.tar.gz                  the sources of the last commit; the rest is built from this archive
#     *.deb                               the packages of Debian (deb.sh)
#     wkv-VERSION-linux-*-static.tar.gz   the program for any Linux (static.sh)
#     wkv-VERSION-py3-none-*.whl          the Python package (wheel.sh)
#     wkv.rb, PKGBUILD                    for Homebrew and Arch Linux, with the archive's address and SHA-256
#     SHA256SUMS
#
# The same commit gives the same bytes, in any folder and at any time, where the machine has the same compiler and
# libraries. URL: the address below which users find the files (default https://example.org/wkv).
set -e
cd "$(dirname "$0")/.."
. tools/pack.sh
[ -e .git ] || { say "release.sh: a release is built in a clone, from its last commit"; exit 1; }
[ $# -gt 0 ] || rm -rf build/release
mkdir -p "${1:-build/release}"
to=$(cd "${1:-build/release}" && pwd)
[ -z "$(ls -A "$to")" ] || { say "release.sh: $to is not empty"; exit 1; }
git diff --quiet HEAD || say "release.sh: changes without a commit take no part"
SOURCE_DATE_EPOCH=$(date_of_sources)
export SOURCE_DATE_EPOCH
name=wkv-$(version_of_sources)

git -c tar.umask=0022 archive --format=tar --prefix="$name/" HEAD | gzip -n9 >"$to/$name.tar.gz"
rm -rf build/from-archive
mkdir build/from-archive
tar -xz -C build/from-archive -f "$to/$name.tar.gz"
build/from-archive/"$name"/tools/deb.sh "$to"
build/from-archive/"$name"/tools/static.sh "$to"
build/from-archive/"$name"/tools/wheel.sh "$to"
sum=$(sha256sum <"$to/$name.tar.gz")
for file in packaging/homebrew/wkv.rb packaging/arch/PKGBUILD; do
    sed "s,@VERSION@,${name#wkv-},; s,@URL@,${URL:-https://example.org/wkv},; s,@SHA256@,${sum%% *}," "$file" \
        >"$to/${file##*/}"
done
(cd "$to" && sha256sum -- * >SHA256SUMS && cat SHA256SUMS)
