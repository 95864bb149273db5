"""The frame of the tests of the Python package: each function test_NAME of a module is a check, which prints "ok NAME",
"FAIL NAME" with the assertion, or "skip NAME" with the reason; tests/test_python.sh counts the lines."""
import os
import subprocess
import sys
import traceback

PROGRAM = os.environ["WKV"] + (".exe" if os.name == "nt" else "")
GOLDEN = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "golden", "models")


class Skip(Exception):
    """The reason why a check cannot run here."""


def program(*arguments, status=0):
    """The output of the program; with status 1 its sentence on standard error."""
    done = subprocess.run([PROGRAM, *map(str, arguments)], capture_output=True, stdin=subprocess.DEVNULL, encoding="utf-8")
    assert done.returncode == status, (arguments, done.returncode, done.stderr)
    return done.stdout if status == 0 else done.stderr


def raises(kind, words, function, *arguments, **named):
    """The exception of a call, in whose sentence these words are."""
    try:
        function(*arguments, **named)
    except kind as error:
        assert words in str(error), (words, str(error))
        return error
    raise AssertionError(f"no {kind.__name__}: {words}")


def run(module):
    for name, function in list(vars(sys.modules[module]).items()):
        if not name.startswith("test_"):
            continue
        try:
            function()
        except Skip as reason:
            print(f"skip {name}: {reason}", flush=True)
        except BaseException:
            print(f"FAIL {name}: {traceback.format_exc()}", flush=True)
        else:
            print(f"ok   {name}", flush=True)
