#!/bin/sh
# test_python.sh - the Python package, from its wheel: the checks of tests/python. $PYTHON, else python3, else
# /usr/bin/python3 has numpy; what else is missing there is skipped by name. With WKV_LONG also
# lm-evaluation-harness, a second build of the wheel, an environment of its own, an emulated processor without AVX.
. "$(dirname "$0")/expect.sh"
build=$(dirname "$WKV")
between=:
[ -z "${WKV_WINDOWS:-}" ] || between=";"
export PYTHONDONTWRITEBYTECODE=1 PYTHONPATH="$work/site$between$here/python" WKV

finish() {
    echo "$passed passed, $failed failed, $skipped skipped"
    [ $failed = 0 ]
    exit
}
skip() {
    skipped=$((skipped + 1))
    echo "skip $*"
}

[ -e "$build/python/libwkv.so" ] || [ -e "$build/python/wkv.dll" ] || { skip "test_python: this build has no library for the package"; finish; }
for python in ${PYTHON:-python3 /usr/bin/python3} ""; do
    "$python" -c "import numpy" 2>/dev/null && break
done
[ -n "$python" ] || { skip "test_python: ${PYTHON:-python3} is not there or lacks numpy"; finish; }

builds=$python
[ -z "${WKV_EMULATOR:-}${WKV_WINDOWS:-}" ] || builds=python3 # wheel.py starts itself, objcopy and objdump

# ---- the wheel -------------------------------------------------------------------------------------------------------
if wheel=$("$builds" "$here/../python/wheel.py" "$build" . 2>err); then pass; else
    case $(cat err) in
    *"its licence is not in"* | *"not linked with glibc"*) skip "test_python: $(cat err)" ;;
    *) fail "wheel.py: $(cat err)" ;;
    esac
    finish
fi
if "$python" -m pip --version >/dev/null 2>&1; then
    "$python" -m pip install -q --no-index --no-deps --target site "$wheel" >out 2>&1
    is $? 0 "status of pip install ($(tail -n 3 out))"
else
    skip "pip install: $python lacks pip; the wheel is unpacked"
    "$python" -m zipfile -e "$wheel" site
fi
"$python" - "$wheel" <<'END' >out 2>&1
import base64, hashlib, sys, zipfile
with zipfile.ZipFile(sys.argv[1]) as wheel:
    names = wheel.namelist()
    (record,) = [name for name in names if name.endswith("/RECORD")]
    lines = [line.rsplit(",", 2) for line in wheel.read(record).decode().splitlines()]
    assert [line[0] for line in lines[:-1]] == sorted(set(names) - {record}) and lines[-1] == [record, "", ""]
    for name, digest, size in lines[:-1]:
        data = wheel.read(name)
        assert len(data) == int(size), name
        assert digest == "sha256=" + base64.urlsafe_b64encode(hashlib.sha256(data).digest()).decode().rstrip("="), name
    assert any(name.endswith("licenses/LICENSE") for name in names)
END
is $? 0 "RECORD of the wheel ($(tail -n 1 out))"
# beside the libraries inside, glibc's alone; the plug-ins are loaded when asked for
outside=$(for library in site/wkv/libwkv.so site/wkv/libnettle.so.*; do readelf -d "$library" 2>/dev/null; done |
    sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p' | grep -Ev '^(libc|libm|libdl|libpthread|ld-linux.*)\.so' | sort -u)
for name in $outside; do
    if [ -e "site/wkv/$name" ]; then pass; else fail "the wheel needs $name"; fi
done

# ---- the checks ------------------------------------------------------------------------------------------------------
checks() { # checks NAME MODULES...: tests/python/NAME.py, if $python has the modules
    name=$1
    shift
    for module in "$@"; do
        if ! "$python" -c "import $module" 2>/dev/null; then
            skip "$name: $python lacks $module"
            return
        fi
    done
    mkdir -p "$name"
    (cd "$name" && "$python" "$here/python/$name.py") >out 2>err
    is $? 0 "status of $name.py ($(tail -n 3 err))"
    passed=$((passed + $(grep -c '^ok ' out)))
    skipped=$((skipped + $(grep -c '^skip ' out)))
    failed=$((failed + $(grep -c '^FAIL ' out)))
    grep -v '^ok ' out
}
checks package numpy
checks drop_in numpy

# ---- the longer part -------------------------------------------------------------------------------------------------
[ -n "$WKV_LONG" ] || finish
checks harness lm_eval datasets
mkdir again
"$builds" "$here/../python/wheel.py" "$build" again >out 2>&1
same "$wheel" "again/$(basename "$wheel")" "two builds of the wheel"
if "$python" -m venv clean >out 2>&1; then
    numpy=$("$python" -c 'import numpy, os; print(os.path.dirname(os.path.dirname(numpy.__file__)))')
    program='import wkv; print(wkv.Model().generate("Once", seed=9, max_tokens=9).read())'
    PYTHONPATH='' clean/bin/python -m pip install -q --no-index --no-deps "$wheel" >out 2>&1 &&
        (cd / && PYTHONPATH=$numpy "$work/clean/bin/python" -c "$program") >text 2>out
    is $? 0 "the wheel in an environment of its own ($(tail -n 1 out))"
    run 0 generate --seed 9 -n 9 --no-echo --no-stop Once
    same text out "text in an environment of its own"
else
    skip "venv: $python makes no environments"
fi
if command -v qemu-x86_64 >/dev/null && [ "$(uname -m)" = x86_64 ]; then
    cat >selftest.py <<'END'
import ctypes
import sys

line = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int)
sys.exit(ctypes.CDLL(sys.argv[1]).wkv_selftest(line(lambda user, text, passed: print(text.decode())), None))
END
    qemu-x86_64 -cpu qemu64 "$(command -v "$python")" selftest.py "$work/site/wkv/libwkv.so" >out 2>err
    is $? 0 "the library's self-test on qemu64, which has SSE3 ($(tail -n 1 err))"
    holds out portable
    lacks out avx
    qemu-x86_64 -cpu qemu64 "$WKV" generate --seed 9 -n 9 --no-echo --no-stop Once >out 2>err
    is $? 0 "the program on qemu64 ($(tail -n 1 err))"
else
    skip "qemu64: qemu-x86_64 is not here"
fi
finish
