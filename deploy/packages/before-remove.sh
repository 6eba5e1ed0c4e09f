#!/bin/sh
# deb calls it with "remove" or "upgrade", rpm with 0 (removed) or 1 (upgraded). Data under /var/lib stays.
set -e
case ${1:-remove} in upgrade | 1) exit 0 ;; esac
[ -d /run/systemd/system ] || exit 0
for unit in gramwatt-exporter gramwatt-labeler; do
    [ -e "/usr/lib/systemd/system/$unit.service" ] && systemctl disable --now "$unit" || true
done
