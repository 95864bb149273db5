# server.sh - the common part of the tests of wkv serve, sourced behind expect.sh; $name is the test's.
for needed in curl; do
    command -v $needed >/dev/null || { echo "skip $name: no $needed here"; echo "0 passed, 0 failed, 1 skipped"; exit 0; }
done
if "$WKV" serve --tokens 0 2>&1 | grep -q 'has no server'; then
    echo "skip $name: a build without libmicrohttpd"
    echo "0 passed, 0 failed, 1 skipped"
    exit 0
fi
export XDG_DATA_HOME="$work/data"
server=
# serve ARGUMENTS...: begin a server at a free port; its address is then in $at
serve() {
    rm -f address
    "$WKV" serve --port 0 -t 1 "$@" >address 2>log &
    server=$!
    for _ in $(seq 200); do
        [ -s address ] && break
        sleep 0.1
    done
    at=$(sed 's,/v1$,,' address)
    for _ in $(seq 200); do
        curl -sf "$at/health" >/dev/null && break
        sleep 0.1
    done
}
# end STATUS: end the server, with this status
end() {
    kill -$stop $server
    wait $server
    is $? "$1" "status of the server ($(tail -n 2 log))"
    server=
}
trap 'kill $server 2>/dev/null; rm -rf "$work"' EXIT
# ask STATUS PATH [curl's arguments]: the response is then in the files body and head
ask() {
    expected=$1 path=$2
    shift 2
    status=$(curl -s -o body -D head -w '%{http_code}' "$@" "$at$path")
    is "$status" "$expected" "status of $path $* ($(head -c 300 body))"
}
chat() { ask "$1" /v1/chat/completions -d "$2"; }
complete() { ask "$1" /v1/completions -d "$2"; }
