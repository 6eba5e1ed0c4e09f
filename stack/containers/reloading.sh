#!/bin/sh
# Runs Prometheus or Alertmanager in a container on a copy of its configuration, and has it read a changed one.
#   reloading.sh FOLDER COPY COMMAND...
# The copy names the addresses of this stack in targets/ where the original has the default ones (127.0.0.1:10044 ...).
# Every few seconds the folder is looked at; a change is copied, and the program gets SIGHUP. One that it refuses is in
# its log, and the old configuration stays in force. Works with busybox, which is all that these images have.
set -u
folder=$1 copy=$2
shift 2

# What listens on all addresses is asked on loopback.
host=${STACK_BIND:-127.0.0.1}
case $host in
0.0.0.0) host=127.0.0.1 ;;
:: | '[::]') host='[::1]' ;;
esac

digest() { find -L "$folder" -type f ! -name '*.py*' -exec md5sum {} + 2>/dev/null | sort | md5sum; }

render() {
    rm -rf "$copy.new" "$copy.old"
    cp -RL "$folder" "$copy.new"
    for file in "$copy.new"/targets/*.yml; do
        [ -e "$file" ] || continue
        sed -i -e "s/127\.0\.0\.1:10044\b/$host:${STACK_EXPORTER_PORT:-10044}/" \
            -e "s/127\.0\.0\.1:10045\b/$host:${STACK_LABELER_PORT:-10045}/" \
            -e "s/127\.0\.0\.1:9090\b/$host:${STACK_PROMETHEUS_PORT:-9090}/" \
            -e "s/127\.0\.0\.1:9093\b/$host:${STACK_ALERTMANAGER_PORT:-9093}/" "$file"
    done
    [ ! -e "$copy" ] || mv "$copy" "$copy.old"
    mv "$copy.new" "$copy"
    rm -rf "$copy.old"
}

seen=$(digest)
render
"$@" &
child=$!
ending=""
trap 'ending=yes; kill -TERM "$child" 2>/dev/null' TERM INT
while [ -z "$ending" ] && kill -0 "$child" 2>/dev/null; do
    sleep 5 &
    wait $!
    now=$(digest)
    if [ -z "$ending" ] && [ "$now" != "$seen" ]; then
        seen=$now
        render
        echo "$folder has changed; $1 reads it again" >&2
        kill -HUP "$child"
    fi
done
wait "$child"
