#!/bin/sh
# foreign-python.sh HOST FOLDER - Python and numpy for another processor or system, in FOLDER/root, for the test of the
# Python package. HOST: aarch64-linux-gnu or arm-linux-gnueabihf, from Debian's packages (Debian 12 has none for RISC-V),
# or x86_64-w64-mingw32. A whole FOLDER/root is kept.
set -e
[ -e "$2/unpacked" ] && exit
mkdir -p "$2"
to=$(cd "$2" && pwd)
rm -rf "$to/root"
mkdir "$to/root"

debian() { # HOST PROCESSOR
    mkdir -p "$to/lists/partial" "$to/archives/partial"
    : >"$to/installed" # nothing, so that every library is fetched
    cat >"$to/apt" <<END
Dir::State::lists "$to/lists";
Dir::State::status "$to/installed";
Dir::Cache "$to";
APT::Architecture "$2";
APT::Architectures { "$2"; };
APT::Install-Recommends "false";
APT::Sandbox::User "root";
END
    APT_CONFIG=$to/apt apt-get update -qq || : # the lists that came may be enough
    APT_CONFIG=$to/apt apt-get install -qq -y --download-only python3 python3-numpy >/dev/null
    for package in "$to"/archives/*.deb; do dpkg -x "$package" "$to/root"; done
    rm -rf "$to/lists" "$to/archives"
    for library in blas lapack; do ln -sf $library/lib$library.so.3 "$to/root/usr/lib/$1/"; done # as installing does
}

# The python311.dll and modules in C that panda3d brings along, with the modules in Python of Debian 12, which are of the
# same version, and a program that calls the DLL.
windows() {
    from=$(python3 -c 'import sys, os; assert sys.version_info[:2] == (3, 11); print(os.path.dirname(os.__file__))')
    cat >"$to/requirements.txt" <<END
panda3d==1.10.16 --hash=sha256:37acfb92655c4226879f95c988e2ef1449a53c54486d6c1ebc00e2772429af82
numpy==1.26.4 --hash=sha256:cd25bcecc4974d09257ffcd1f098ee778f7834c3ad767fe5db785be9a4aa9cb2
END
    python3 -m pip download -q --disable-pip-version-check --no-deps --require-hashes \
        --only-binary :all: --platform win_amd64 --python-version 3.11 -d "$to" -r "$to/requirements.txt" >&2
    mkdir -p "$to/root/Lib"
    tar -c -C "$from" --exclude=lib-dynload --exclude='*-packages' --exclude='config-*' --exclude=test \
        --exclude=__pycache__ . | tar -x -C "$to/root/Lib"
    python3 - "$to" <<END
import pathlib, sys, zipfile
to = pathlib.Path(sys.argv[1])
(numpy,), (panda3d,) = to.glob("numpy-*.whl"), to.glob("panda3d-*.whl")
zipfile.ZipFile(numpy).extractall(to / "root" / "Lib" / "site-packages")
with zipfile.ZipFile(panda3d) as wheel:
    for name in wheel.namelist():
        if name.startswith("deploy_libs/") and "api-ms-" not in name and "ucrtbase" not in name: # Wine has its own
            (to / "root" / name.split("/")[1]).write_bytes(wheel.read(name))
END
    rm "$to"/*.whl
    cat >"$to/python.c" <<END
#include <windows.h>
int wmain(int argc, wchar_t **argv)
{
    const HMODULE python = LoadLibraryW(L"python311.dll");
    int (*const run)(int, wchar_t **) = (int (*)(int, wchar_t **))(void *)GetProcAddress(python, "Py_Main");
    return run ? run(argc, argv) : 2;
}
END
    $1-gcc-posix -municode -O1 -o "$to/root/python.exe" "$to/python.c"
    # Python asks what its output is; of a file that the shell has opened, Wine does not know it, and of a pipe it does.
    cat >"$to/root/python3" <<END
#!/bin/sh
exec 3>&1 4>&2
status=\$({ { { "$PWD/tools/wine.sh" "$to/root/python.exe" "\$@"; echo \$? >&5; } 2>&1 >&6 | cat >&4; } 6>&1 | cat >&3; } 5>&1)
exit \$status
END
    chmod +x "$to/root/python3"
}

printf 'Unpacking Python and numpy for %s\n' "$1" >&2
case $1 in
aarch64-linux-gnu) debian "$1" arm64 ;;
arm-linux-gnueabihf) debian "$1" armhf ;;
x86_64-w64-mingw32) windows "$1" ;;
*)
    printf 'foreign-python.sh: found the host %s, expected aarch64-linux-gnu, arm-linux-gnueabihf or x86_64-w64-mingw32\n' "$1" >&2
    exit 2
    ;;
esac
touch "$to/unpacked"
