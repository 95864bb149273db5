# opencl_long.sh - the part of test_opencl_command.sh that takes a minute, sourced by it: commands that train, measure
# and serve, on both devices.

both trace trace -m f32.gguf "The old king went to the sea" --subject "old king" --samples 2 --kinds ffn,state --json
both curve curve -m f32.gguf --text text.txt --length 50 --streams 1 --no-time --json --threads 1
run 0 selftest --device opencl --json
lacks out "false"

seq 1 200 | sed 's/^/the king and the sea /' >story.txt
few="-d story.txt -T 16 --sample-every -1 --valid-every -1 -t 1"
for device in cpu opencl; do
    # shellcheck disable=SC2086
    run 0 train $few --vocab bytes -L 2 -C 64 -b 2 -n 8 -o train-$device --device $device
    # shellcheck disable=SC2086
    run 0 tune $few -m f32.gguf -b 1 -r 2 -n 3 -o tune-$device --device $device
    for log in train tune; do
        sed 's/"tokens_per_second".*//' $log-$device/train.jsonl | tr , '\n' >$log.$device
    done
    run 0 generate -m f32.gguf -T 0 -n 20 --lora tune-$device/lora.safetensors "The sea" --device $device
    mv out $device.tuned
done
near train train.cpu train.opencl
near tune tune.cpu tune.opencl
same cpu.tuned opencl.tuned "the text with an adapter"

# ---- bench: the limits of the device itself, and the shares of them that were reached ----
run 0 bench --device opencl -m "$here/golden/models/v7-n32-f16.pth" --quick --json --only decode
for key in bandwidth_gbs fma_gflops tokens_per_s traffic_per_token device_bytes; do
    is "$(sed -n "s/^ *\"$key\": \([0-9.e+-]*\),*$/\1/p" out | awk '$1 > 0' | wc -l | tr -d ' ')" 1 "a positive $key"
done
holds out '"int8_how": "as float32"'
value() { sed -n "s/^ *\"$1\": \([0-9.e+-]*\),*$/\1/p" out; }
is "$(echo "$(value share_of_bandwidth) $(value share_of_peak) $(value share_of_roof)" |
    awk '{ most = $1 > $2 ? $1 : $2; print ($1 > 0 && $2 > 0 && $3 >= 0.99 * most && $3 <= 1.01 * most) }')" 1 \
    "shares of the bandwidth and of the peak are positive, and the larger is that of the roof"
is "$(echo "$(value bandwidth_gbs) $(value bandwidth_most_gbs) $(value fma_gflops) $(value fma_most_gflops)" |
    awk '{ print $1 <= $2 && $3 <= $4 }')" 1 "limits meanwhile are below those at most"
run 0 bench --device opencl -m "$here/golden/models/v7-n32-f16.pth" --quick --only decode
holds out "decode reached"
holds out "% of the bandwidth"
holds out "the launches of a token read and write"

if command -v curl >/dev/null && ! "$WKV" serve --tokens 0 2>&1 | grep -q 'has no server'; then
    for device in cpu opencl; do
        rm -f address
        "$WKV" serve -m f32.gguf --port 0 -t 1 --device $device >address 2>log &
        server=$!
        for _ in $(seq 300); do
            [ -s address ] && curl -sf "$(sed 's,/v1$,,' address)/health" >/dev/null && break
            sleep 0.1
        done
        curl -s -d '{"prompt": "The old king", "max_tokens": 30, "temperature": 0}' "$(cat address)/completions" |
            grep -o '"text": *"[^"]*"' >$device.answer
        kill -TERM $server
        wait $server
        is $? 0 "status of the server on $device: $(tail -n 1 log)"
    done
    holds cpu.answer '"text"'
    same cpu.answer opencl.answer "the server's answer"
else
    echo "skip serve: no curl, or a build without libmicrohttpd"
    skipped=$((skipped + 1))
fi
