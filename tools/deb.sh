#!/bin/sh
# deb.sh [FOLDER] - build the packages of Debian into FOLDER (build/packages), with the files of packaging/debian.
#
# The same sources give the same bytes, in any folder and at any time: the date in the packages is SOURCE_DATE_EPOCH, or
# that of the last commit. Version: the one of CMakeLists.txt.
set -e
cd "$(dirname "$0")/.."
. tools/pack.sh
setup
need g++:build-essential dpkg-buildpackage:dpkg-dev dh:debhelper ninja:ninja-build lintian:lintian

mkdir -p "${1:-build/packages}"
to=$(cd "${1:-build/packages}" && pwd)
version=$(version_of_sources)
SOURCE_DATE_EPOCH=$(date_of_sources)
export SOURCE_DATE_EPOCH

work=build/deb
rm -rf $work
tree=$work/wkv-$version
copy_sources "$tree"
cp -r packaging/debian "$tree/debian"
cat >"$tree/debian/changelog" <<END
wkv ($version) unstable; urgency=medium

  * Changes are in CHANGELOG.md.

 -- $(sed -n 's/^Maintainer: //p' packaging/debian/control)  $(date -u -R -d "@$SOURCE_DATE_EPOCH")
END
(cd "$tree" && DEB_BUILD_OPTIONS="parallel=${JOBS:-$(nproc)} ${DEB_BUILD_OPTIONS:-}" dpkg-buildpackage -b -us -uc) >&2
lintian --fail-on error,warning $work/*.changes >&2
cp $work/*.deb "$to/"
(cd "$to" && ls ./*"_${version}_"*.deb)
