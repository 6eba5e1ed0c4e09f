#!/usr/bin/env bash
# Runs a service and starts it again when it ends by itself, as `restart: unless-stopped` does for the containers:
# honcho ends all services when one does. Wrong settings (status 2) do not mend themselves and end it.
set -uo pipefail

ending=""
child=""
trap 'ending=yes; [ -z "$child" ] || kill -TERM "$child" 2>/dev/null' TERM INT

pause=1
while [ -z "$ending" ]; do
    began=$SECONDS
    "$@" &
    child=$!
    wait "$child"
    status=$?
    if [ -n "$ending" ]; then
        wait "$child" # the signal ended the first wait
        exit 0
    fi
    [ "$status" -ne 2 ] || exit 2
    [ $((SECONDS - began)) -lt 60 ] || pause=1
    echo "$1 ended with status $status; it is started again in $pause s" >&2
    sleep "$pause" &
    child=$!
    wait "$child"
    pause=$((pause < 30 ? pause * 2 : 30))
done
