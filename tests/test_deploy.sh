#!/bin/sh
# test_deploy.sh - the files of packaging/, read by their own programs; two servers on one Redis behind nginx with TLS: a
# stream arrives piece by piece, and when one server is killed, each chat continues on the other with the bits of a run
# that nobody disturbed; client-held states move between servers without a store. WKV_LONG=1 kills more often.
. "$(dirname "$0")/expect.sh"
packaging=$here/../packaging
skip() {
    echo "skip $*"
    skipped=$((skipped + 1))
}
finish() {
    echo "$passed passed, $failed failed, $skipped skipped"
    [ $failed = 0 ]
    exit
}
wait_for() { # FILE: until it has a line
    for _ in $(seq 200); do
        [ -s "$1" ] && return
        sleep 0.05
    done
}

# ---- the files of packaging/ -----------------------------------------------------------------------------------------
if command -v systemd-analyze >/dev/null; then
    sed "s,/usr/bin/wkv,$(realpath "$WKV"),; /^Documentation/d" "$packaging/wkv.service" >wkv.service
    systemd-analyze verify --man=no ./wkv.service >out 2>&1
    is "$?$(grep wkv.service out)" 0 "systemd-analyze verify wkv.service"
else
    skip "wkv.service: no systemd-analyze here"
fi
if python3 -c 'import yaml' 2>/dev/null; then
    python3 "$here/check_kubernetes.py" "$packaging"/kubernetes/*.yaml >out 2>&1
    is "$?$(cat out)" 0 "the manifests of Kubernetes"
else
    skip "the manifests of Kubernetes: no Python with yaml here"
fi
# the image has the packages that the build needs, and those that the program is linked to; drivers of a GPU are the
# machine's, and it builds for its own processor
for need in $(grep -vE ':(opencl-driver|cross-compiler|qemu|mingw|wine|dpkg-source|tclsh|pip)\)' "$here/../tools/setup.sh" |
    sed -n 's/^    apt:.*) echo \(.*\) ;;$/\1/p'); do
    holds "$packaging/Dockerfile" " $need "
done
if grep -q bookworm /etc/os-release 2>/dev/null && command -v objdump >/dev/null; then
    libraries=$(objdump -p "$WKV" | awk '/NEEDED/ && !/libc\.|libm\.|ld-|libmpi|libasan|libubsan|libtsan/ { print "*/" $2 }')
    # shellcheck disable=SC2086 # a list of patterns
    for package in $(set -f; dpkg -S $libraries | sed 's/:.*//' | sort -u); do holds "$packaging/Dockerfile" " $package "; done
else
    skip "the libraries of the image: no objdump here, or another system than Debian 12"
fi

# ---- servers ---------------------------------------------------------------------------------------------------------
servers= fronts=
# shellcheck disable=SC2154 # a killed master of nginx would leave its worker
trap 'kill -9 $servers 2>/dev/null; kill $fronts 2>/dev/null; wait; rm -rf "$work"' EXIT
export XDG_DATA_HOME="$work/data"
mkdir data
# serve NAME [OPTIONS]: begin a server; its address is then in the file NAME.at, its id in NAME.pid
serve() {
    name=$1
    shift
    rm -f "$name.at"
    "$WKV" serve -q -t 1 --cache-disk 0 --tokens 1000000 --secret-file secret "$@" >"$name.at" 2>"$name.log" &
    echo $! >"$name.pid"
    servers="$servers $!"
    wait_for "$name.at"
}
at() { sed 's,/v1$,,' "$1.at"; }
port() { sed 's,.*:,,; s,/v1$,,' "$1.at"; }
echo "$(date +%s%N)$$" | sha256sum | cut -c 1-64 >secret
command -v curl >/dev/null || { skip "the servers: no curl here"; finish; }
serve alone --port 0 --store "$work/alone"
if ! curl -s "$(at alone)/v1/sessions" -d '{"name": "s0"}' | grep -q '"id"'; then
    skip "the servers: a build without libmicrohttpd or SQLite"
    finish
fi
field() { sed 's/.*"'"$1"'": "\([^"]*\)".*/\1/' "$2"; }

# ---- client-held states ----------------------------------------------------------------------------------------------
# complete SERVER BODY: the response is in the file body
complete() { curl -s "$(at "$1")/v1/completions" -d "$2" >body; }
serve other --port 0 --store "$work/other"
first='{"prompt": "Once upon a time", "max_tokens": 8, "seed": 3, "return_state": true}'
complete alone "$first"
field state body >held
printf '{"prompt": " and then", "max_tokens": 12, "seed": 4, "return_state": true, "state": "%s"}' "$(cat held)" >next
complete alone @next
field text body >expected
field state body | base64 -d | tail -c +49 >expected.state # without the time and the code
complete other @next
field text body >got
field state body | base64 -d | tail -c +49 >got.state
is "$(wc -c <got)" "$(wc -c <expected)" "bytes of an answer that goes on from a state of another server"
same got expected "an answer that goes on from a state of another server"
same got.state expected.state "the state after it"
is "$(($(wc -c <got.state) > 200000))" 1 "bytes of the state: $(wc -c <got.state)"
sed 's/^./f/' secret | tr 'f0' '0f' >secret.new
cat secret >>secret.new
mv secret.new secret # a new key, and the old one
serve rotated --port 0 --store "$work/rotated"
complete rotated @next
field text body >got
same got expected "an answer of a server with a new key and the old one"
field state body >held.new
printf '{"prompt": " and", "max_tokens": 1, "state": "%s"}' "$(cat held.new)" >next
complete other @next
holds body '"code": "invalid_state"'
kill -9 "$(cat other.pid)" "$(cat rotated.pid)"

# ---- nginx -----------------------------------------------------------------------------------------------------------
for program in nginx redis-server redis-cli openssl; do
    command -v $program >/dev/null || PATH="$PATH:/usr/sbin"
    command -v $program >/dev/null || { skip "the servers behind nginx: no $program here"; finish; }
done
openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -addext subjectAltName=DNS:localhost \
    -keyout key.pem -out cert.pem 2>/dev/null
# nginx NAME PORT UPSTREAM...: the file of packaging/ with these ports
nginx_begin() {
    name=$1 https=$2
    shift 2
    mkdir -p "$name"
    {
        [ "$(id -u)" = 0 ] && echo 'user root root;'
        echo "error_log $work/$name/log; pid $work/$name/pid; events {} http { access_log off;"
        for kind in client_body proxy fastcgi uwsgi scgi; do echo "${kind}_temp_path $work/$name/$kind;"; done
        sed "s,listen 443,listen 127.0.0.1:$https,; s,chat.example.org,localhost,
            s,/etc/wkv/tls/fullchain.pem,$work/cert.pem,; s,/etc/wkv/tls/privkey.pem,$work/key.pem,
            s,127.0.0.1:8080,127.0.0.1:$1,; s,127.0.0.1:8081,127.0.0.1:${2:-$1}," "$packaging/nginx.conf"
        echo '}'
    } >"$name/conf"
    nginx -t -p "$work/$name" -c "$work/$name/conf" >"$name/out" 2>&1 || return 1
    nginx -p "$work/$name" -c "$work/$name/conf" -g 'daemon off;' 2>/dev/null &
    fronts="$fronts $!"
    wait_for "$name/pid"
}
# nginx_on NAME PORT...: at a port that is free; $front is then the address
nginx_on() {
    for try in 1 2 3 4 5 6 7 8; do
        https=$(((($$ * 8 + try) * 7919 + $(date +%s)) % 20000 + 20000))
        nginx_begin "$1" $https "$2" "$3" || return 1
        front=https://localhost:$https
        for _ in $(seq 20); do
            curl -fs --cacert cert.pem "$front/health" >/dev/null && return
            sleep 0.05
        done
    done
}

# The reference device writes some 50 tokens in a second, so that pieces are told apart; all of them are less than a
# buffer of nginx.
serve slow --port 0 --device reference --store "$work/slow"
nginx_on piece "$(port slow)"
is $? 0 "nginx -t: $(cat piece/out)"
# a NAME TOKENS: the body of a stream of so many chosen tokens, in which no stop string comes
endless() {
    printf '{"stream": true, "max_tokens": %s, "logit_bias": {"66": 100}, %s
        "messages": [{"role": "user", "content": "Go on."}]}' "$2" "$1"
}
endless "" 12 >ask
: >stream
curl -sN --cacert cert.pem "$front/v1/chat/completions" -d @ask >stream &
client=$!
early=0
while kill -0 $client 2>/dev/null; do
    n=$(grep -c '"content": "A' stream)
    [ "$n" -gt 0 ] && [ "$n" -lt 12 ] && early=$((early + 1))
    sleep 0.01
done
wait $client
is "$((early > 0))" 1 "a part of a stream arrives before its end"
is "$(grep -c '"content": "A' stream)" 12 "pieces of a stream through nginx"
holds stream '[DONE]'
is "$(curl -s --cacert cert.pem -o out -w '%{http_code}' "$front/metrics")" 403 "status of /metrics through nginx"
kill -9 "$(cat slow.pid)"

# ---- two servers on one store ----------------------------------------------------------------------------------------
redis-server --port 0 --unixsocket "$work/redis.sock" --save '' --dir "$work" >redis.log 2>&1 &
servers="$servers $!"
for _ in $(seq 100); do
    redis-cli -s redis.sock ping >/dev/null 2>&1 && break
    sleep 0.05
done
export WKV_STORE="unix://$work/redis.sock"
serve one --port 0
if grep -q 'without hiredis' one.log; then
    skip "two servers on one store: a build without hiredis"
    finish
fi
serve two --port 0
nginx_on front "$(port one)" "$(port two)"

chats=3 rounds=${WKV_LONG:+12}
rounds=${rounds:-1}
# ask WHERE SESSION TURN: a turn, whose answer is in the file WHERE.SESSION.TURN
ask() {
    case $1 in alone) to=$(at alone) ;; *) to=$front ;; esac
    curl -s --cacert cert.pem "$to/v1/chat/completions" -d "{\"session\": \"s$2\", \"seed\": $2$3, \"max_tokens\": 8,
        \"messages\": [{\"role\": \"user\", \"content\": \"Tell me about the number $2$3.\"}]}" >body
    field content body >"$1.$2.$3"
    holds body '"message": "msg_'
}
# The server that answers chats now: a stream in a session is one of its requests at work.
at_work() { curl -s "$(at "$1")/metrics" | sed -n 's/^wkv_jobs \([1-9]\)/\1/p'; }

for chat in $(seq $chats); do
    curl -s "$(at alone)/v1/sessions" -d "{\"name\": \"s$chat\"}" >/dev/null
    curl -s --cacert cert.pem "$front/v1/sessions" -d "{\"name\": \"s$chat\"}" >/dev/null
done
turn=0
while [ $turn -lt $((2 * rounds)) ]; do
    turn=$((turn + 1))
    for chat in $(seq $chats); do
        ask alone "$chat" $turn
        ask front "$chat" $turn
    done
    clients=
    for chat in $(seq $chats); do # a turn of each chat is under way, and no session has it when its server dies
        endless "\"session\": \"s$chat\"," 1000000 >ask.$chat
        : >stream.$chat
        curl -sN -m 20 --cacert cert.pem "$front/v1/chat/completions" -d @ask.$chat >stream.$chat &
        clients="$clients $!"
    done
    for chat in $(seq $chats); do
        for _ in $(seq 200); do
            [ "$(grep -c '"content"' stream.$chat)" -gt 3 ] && break
            sleep 0.02
        done
    done
    victim=one
    [ -n "$(at_work two)" ] && victim=two
    old=$(port $victim)
    is "$(at_work $victim)" $chats "chats at work on the server that is killed"
    kill -9 "$(cat $victim.pid)"
    # shellcheck disable=SC2086 # a list of ids
    wait $clients "$(cat $victim.pid)" 2>/dev/null
    lacks stream.1 '[DONE]'
    turn=$((turn + 1))
    for chat in $(seq $chats); do
        ask alone "$chat" $turn
        ask front "$chat" $turn
    done
    [ $turn = $((2 * rounds)) ] && break
    serve $victim --port "$old"
    sleep 2.1 # fail_timeout of nginx, which counts whole seconds
done
for file in alone.*.*; do same "$file" "front${file#alone}" "an answer after a server was killed"; done

# Every state of a session has a SHA-256 over its ids, its seed and every bit of its matrices.
curl -s "$(at alone)/v1/sessions" -d '{"name": "none"}' >/dev/null
for chat in $(seq $chats); do redis-cli -s redis.sock --raw smembers "wkv::states:$(redis-cli -s redis.sock --raw get \
    "wkv::name:s$chat")"; done | sort >got
find alone/states -name '*.safetensors' | sed 's,.*/,,; s,\.safetensors,,' | sort >expected
same got expected "the states after all answers"
is "$(wc -l <got | tr -d ' ')" $((2 * chats * rounds)) "states"

# ---- two servers that answer the same message: the later answer is a branch ------------------------------------------
left=one # not killed above
kill -0 "$(cat one.pid)" 2>/dev/null || left=two
serve third --port 0
# talk SERVER FILE TOKENS: a turn in s1; the response is in the file, with its status
talk() {
    endless '"session": "s1",' "$3" | sed 's/"stream": true/"stream": false/' >"ask.$2"
    curl -s -m 60 -w '\n%{http_code}\n' "$(at "$1")/v1/chat/completions" -d "@ask.$2" >"$2"
}
before=$(curl -s "$(at third)/v1/sessions/s1" | sed 's/.*"messages_count": \([0-9]*\).*/\1/')
talk $left slow.out 1000 &
client=$!
for _ in $(seq 100); do
    [ -n "$(at_work $left)" ] && break
    sleep 0.02
done
talk third quick.out 1
wait $client
is "$(tail -n 1 quick.out)" 200 "status of the first answer"
is "$(tail -n 1 slow.out)" 409 "status of the later answer"
holds slow.out '"code": "head_moved"'
head -n 1 quick.out >body
quick=$(field message body)
holds slow.out "its head is $quick"
curl -s "$(at third)/v1/sessions/s1" >out
is "$(sed 's/.*"messages_count": \([0-9]*\).*/\1/' out)" $((before + 4)) "messages of both answers"
is "$(sed 's/.*"head": "\([^"]*\)", "preview".*/\1/' out)" "$quick" "the head"
finish
