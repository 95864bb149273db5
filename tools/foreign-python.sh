#!/bin/sh
# foreign-python.sh HOST FOLDER - Debian's Python and numpy for another processor, unpacked into FOLDER/root, for the test
# of the Python package under qemu. HOST: aarch64-linux-gnu or arm-linux-gnueabihf; Debian 12 has no packages for RISC-V.
# A whole FOLDER/root is kept.
set -e
[ -e "$2/unpacked" ] && exit
mkdir -p "$2/lists/partial" "$2/archives/partial" "$2/root"
to=$(cd "$2" && pwd)
case $1 in
aarch64-linux-gnu) processor=arm64 ;;
arm-linux-gnueabihf) processor=armhf ;;
*)
    printf 'foreign-python.sh: found the host %s, expected aarch64-linux-gnu or arm-linux-gnueabihf\n' "$1" >&2
    exit 2
    ;;
esac
printf 'Unpacking Python and numpy for %s\n' "$1" >&2

: >"$to/installed" # nothing, so that every library is fetched
cat >"$to/apt" <<END
Dir::State::lists "$to/lists";
Dir::State::status "$to/installed";
Dir::Cache "$to";
APT::Architecture "$processor";
APT::Architectures { "$processor"; };
APT::Install-Recommends "false";
APT::Sandbox::User "root";
END
APT_CONFIG=$to/apt apt-get update -qq || : # the lists that came may be enough
APT_CONFIG=$to/apt apt-get install -qq -y --download-only python3 python3-numpy >/dev/null
for package in "$to"/archives/*.deb; do dpkg -x "$package" "$to/root"; done
rm -rf "$to/lists" "$to/archives"

for library in blas lapack; do ln -sf $library/lib$library.so.3 "$to/root/usr/lib/$1/"; done # as installing does
touch "$to/unpacked"
