#!/bin/sh
# test_serve_kill.sh - wkv serve, killed while it streams a turn of a session: each turn that ended is in the store, and
# the conversation continues. KILLS=100 for more.
. "$(dirname "$0")/expect.sh"
command -v curl >/dev/null || { echo "skip test_serve_kill: no curl here"; echo "0 passed, 0 failed, 1 skipped"; exit 0; }
export XDG_DATA_HOME="$work/data"
serve() {
    rm -f address
    "$WKV" serve --port 0 -q -t 1 "$@" >address 2>log &
    server=$!
    for _ in $(seq 200); do
        [ -s address ] && break
        sleep 0.1
    done
    at=$(sed 's,/v1$,,' address)
}
trap 'kill $server 2>/dev/null; rm -rf "$work"' EXIT
serve
if grep -qE 'has no server|without SQLite' log || ! curl -s "$at/v1/sessions" -d '{"name": "s"}' | grep -q '"id"'; then
    echo "skip test_serve_kill: a build without libmicrohttpd or SQLite"
    echo "0 passed, 0 failed, 1 skipped"
    exit 0
fi
# turn TOKENS [curl's arguments]: ask in the session, as a stream
turn() { # chosen tokens, so that no stop string comes
    tokens=$1
    shift
    curl -sN "$@" "$at/v1/chat/completions" -d "{\"session\": \"s\", \"stream\": true, \"max_tokens\": $tokens,
        \"logit_bias\": {\"66\": 100}, \"messages\": [{\"role\": \"user\", \"content\": \"Go on.\"}]}"
}
finished=0
i=0
while [ $i -lt "${KILLS:-5}" ]; do
    i=$((i + 1))
    turn 3 >out
    grep -q 'DONE' out && finished=$((finished + 1))
    : >stream # the shell in the background empties it too late
    # Wine may leave a connection open whose program was killed while it sent: curl gives up after 5 s without a byte
    turn 100000 --speed-limit 1 --speed-time 5 >stream 2>/dev/null &
    client=$!
    for _ in $(seq 200); do
        [ "$(grep -c '"content"' stream)" -gt $((i % 7)) ] && break
        sleep 0.05
    done
    kill -9 $server
    wait $server $client 2>/dev/null
    grep -q 'DONE' stream && finished=$((finished + 1)) # the answer had ended before
    serve
done
turn 3 >out
grep -q 'DONE' out && finished=$((finished + 1))
is "$((finished > i))" 1 "turns that ended: $finished, $i kills"
curl -s "$at/v1/sessions/s" >out
answers=$(grep -o '"role": "assistant"' out | wc -l | tr -d ' ') # one may be on the disk before the client is told
is "$((answers >= finished && answers <= finished + i))" 1 "$answers answers in the store, $finished ended"
is "$(sed 's/.*"turns": \([0-9]*\).*/\1/' out)" "$answers" "turns to the head"

# ---- a server that is asked to end keeps the part of the answer that it has ------------------------------------------
kill -9 $server
serve --grace 0 --tokens 1000000
: >stream
turn 1000000 >stream &
client=$!
for _ in $(seq 200); do
    [ "$(grep -c '"content"' stream)" -gt 5 ] && break
    sleep 0.05
done
kill -$stop $server
wait $server
is $? 0 "status of the server"
wait $client
holds stream '"finish_reason": "length"'
holds stream '[DONE]'
serve
curl -s "$at/v1/sessions/s" >out
is "$(grep -o '"role": "assistant"' out | wc -l | tr -d ' ')" $((answers + 1)) "answers after the end"
echo "$passed passed, $failed failed, $skipped skipped"
[ $failed = 0 ]
