# expect.sh - the common part of test_*.sh, sourced first. $WKV is the program (default build/wkv), $here the folder of
# the tests; the test runs in the empty folder $work, removed at its end. Checks count in $passed and $failed; a run of
# the program leaves its output in the files out and err.
here=$(cd "$(dirname "$0")" && pwd)
WKV=${WKV:-$here/../build/wkv}
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
unset WKV_DATA WKV_MODELS WKV_STORE NO_COLOR
export XDG_CACHE_HOME="$work/cache" # never the user's
passed=0 failed=0 skipped=0
stop=TERM # the signal that asks the program to end
[ -z "${WKV_WINDOWS:-}" ] || stop=INT # Wine makes Ctrl-C of it, and of no other
slower=1 # how much longer a test waits
[ -z "${WKV_EMULATOR:-}" ] || slower=10

pass() { passed=$((passed + 1)); }
fail() {
    failed=$((failed + 1))
    printf 'FAIL %s\n' "$*"
}

# run STATUS ARGUMENTS...: run the program with nothing to read; its output is then in the files out and err
run() {
    expected=$1
    shift
    "$WKV" "$@" >out 2>err </dev/null
    got=$?
    if [ $got = "$expected" ]; then pass; else
        fail "wkv $* ended with $got, expected $expected: $(head -n 3 err)"
    fi
}
# posix FEATURE: whether the program has a feature of POSIX alone; a check behind it is counted as skipped on Windows
posix() {
    [ -n "${WKV_WINDOWS:-}" ] || return 0
    skipped=$((skipped + 1))
    echo "skip $1: of POSIX"
    return 1
}
# holds FILE TEXT: FILE has TEXT in a line; lacks: it does not
holds() { if grep -qF -e "$2" "$1"; then pass; else fail "no '$2' in $1: $(head -n 5 "$1")"; fi; }
lacks() { if grep -qF -e "$2" "$1"; then fail "'$2' in $1: $(head -n 5 "$1")"; else pass; fi; }
is() { if [ "$1" = "$2" ]; then pass; else fail "$3: '$1', expected '$2'"; fi; }
same() { if cmp -s "$1" "$2"; then pass; else fail "$3: $1 and $2 differ"; fi; }
