#!/bin/sh
# A cluster of two workers on this machine alone, and a sweep on it: to see how it goes.
#   sh docs/cluster/loopback.sh experiments/first.yaml
set -eu
spec=$1
port=${PORT:-8786}
folder=$(mktemp -d)
trap 'kill $scheduler $first $second 2>/dev/null; wait; rm -rf "$folder"' EXIT

rnnzoo cluster certificates "$folder/certificates" >"$folder/told.txt"
tls() { echo "--tls-ca-file $folder/certificates/ca.pem --tls-cert $folder/certificates/$1.pem --tls-key $folder/certificates/$1-key.pem"; }

dask scheduler --protocol tls --host 127.0.0.1 --port "$port" \
    --dashboard-address 127.0.0.1:0 $(tls scheduler) 2>"$folder/scheduler.log" &
scheduler=$!
worker() {
    exec dask worker "tls://127.0.0.1:$port" --host 127.0.0.1 --nthreads 1 --resources trial=1 \
        --memory-limit 0 --dashboard-address 127.0.0.1:0 --local-directory "$folder" $(tls worker) 2>>"$folder/workers.log"
}
worker & first=$!
worker & second=$!

rnnzoo sweep "$spec" --cluster "tls://127.0.0.1:$port" --certificates "$folder/certificates"
