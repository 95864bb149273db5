#!/bin/sh
# foreign-python.sh HOST FOLDER - Debian's Python and numpy for another processor, unpacked into FOLDER, and
# FOLDER/python3, a script that runs them under qemu. HOST: aarch64-linux-gnu or arm-linux-gnueabihf; Debian 12 has no
# packages for RISC-V. What is there already is kept.
set -e
[ -x "$2/python3" ] && exit
mkdir -p "$2/lists/partial" "$2/archives/partial" "$2/root"
to=$(cd "$2" && pwd)
case $1 in
aarch64-linux-gnu) processor=arm64 emulator="qemu-aarch64-static -R 64G" ;;
arm-linux-gnueabihf) processor=armhf emulator=qemu-arm-static ;;
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
cat >"$to/python3" <<END
#!/bin/sh
exec $emulator -L $to/root $to/root/usr/bin/python3 "\$@"
END
chmod +x "$to/python3"
