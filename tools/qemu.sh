#!/bin/sh
# qemu.sh FOLDER - qemu-aarch64, qemu-arm and qemu-riscv64 of Debian 12's backports (version 10), in FOLDER. Floating
# point of 64-bit Arm and RISC-V takes them a fourth of the time that 7.2 of Debian 12 needs. They come from the package
# sources that this machine is configured with, by lists of their own. Files that are there are kept.
set -e
[ -x "$1/qemu-riscv64" ] && exit
mkdir -p "$1"
to=$(cd "$1" && pwd)
rm -rf "$to/apt"
mkdir -p "$to/apt/parts" "$to/apt/lists/partial"
for file in /etc/apt/sources.list /etc/apt/sources.list.d/*; do
    [ -s "$file" ] || continue
    case $file in
    *.sources) awk -v RS= -v ORS='\n\n' '/(^|\n)Suites:.* bookworm( |\n|$)/' "$file" |
        sed 's/^Types:.*/Types: deb/; s/^Suites:.*/Suites: bookworm-backports/' ;;
    *.list) sed -nE '/^deb .* bookworm /s/ bookworm / bookworm-backports /p' "$file" ;;
    esac >"$to/apt/parts/$(basename "$file")"
done
cat >"$to/apt/conf" <<END
Dir::Etc::SourceList "/dev/null";
Dir::Etc::SourceParts "$to/apt/parts";
Dir::State::Lists "$to/apt/lists";
APT::Sandbox::User "root";
END
printf 'Fetching qemu of bookworm-backports\n' >&2
cd "$to/apt"
APT_CONFIG=$to/apt/conf apt-get update -qq
APT_CONFIG=$to/apt/conf apt-get download -qq qemu-user
dpkg-deb --fsys-tarfile qemu-user_*.deb | tar -x -C "$to" --strip-components=3 \
    ./usr/bin/qemu-aarch64 ./usr/bin/qemu-arm ./usr/bin/qemu-riscv64
rm -rf "$to/apt"
