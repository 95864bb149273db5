#!/bin/sh
# ziglang.sh HOST FOLDER - a C compiler for aarch64-macos or x86_64-macos that runs on Linux: the Python package
# ziglang, which has clang, a linker of Mach-O, Apple's headers of C and the names in libSystem. pip installs it into
# FOLDER, pinned by its SHA-256; FOLDER/HOST-clang, HOST-ar and HOST-ranlib call it.
set -e
host=$1
mkdir -p "$2"
folder=$(cd "$2" && pwd)
version=0.17.1
sum=ea6cc5d87b033cf0aedfbc8f9549a908cae6c50ac31f1698188fa48a74524b54 # of the file for Linux on x86-64

if [ "$(uname -sm)" != "Linux x86_64" ]; then
    echo "ziglang.sh: found $(uname -sm), expected Linux x86_64, for which the package is pinned" >&2
    exit 1
fi
if [ "$(cat "$folder/installed" 2>/dev/null)" != $sum ]; then
    echo "Installing ziglang $version with pip" >&2
    rm -rf "$folder/package"
    echo "ziglang==$version --hash=sha256:$sum" >"$folder/requirements.txt"
    python3 -m pip install -q --disable-pip-version-check --root-user-action=ignore --no-deps --require-hashes \
        --only-binary :all: --target "$folder/package" -r "$folder/requirements.txt" >&2
    echo $sum >"$folder/installed"
fi

# program NAME: an executable file FOLDER/HOST-NAME with these lines, replaced as a whole
program() {
    cat >"$folder/$host-$1.new"
    chmod +x "$folder/$host-$1.new"
    mv "$folder/$host-$1.new" "$folder/$host-$1"
}
caches="export ZIG_GLOBAL_CACHE_DIR='$folder/cache' ZIG_LOCAL_CACHE_DIR='$folder/cache'"
zig="'$folder/package/ziglang/zig'"
for name in ar ranlib; do
    printf '%s\n' '#!/bin/sh' "$caches" "exec $zig $name \"\$@\"" | program $name
done
# macOS 11 is the first one for Apple's processors. The option -march=armv8.2-a+NAME has another form there.
program clang <<END
#!/bin/sh
$caches
for option; do
    case \$option in -march=armv8.2-a+*) option=-mcpu=generic+v8_2a+\${option#*+} ;; esac
    shift
    set -- "\$@" "\$option"
done
exec $zig cc -target $host.11.0 "\$@"
END
