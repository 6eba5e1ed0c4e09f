#!/bin/sh
# deb calls it with "configure [OLD VERSION]", rpm with 1 (installed) or 2 (upgraded).
set -e
[ -d /run/systemd/system ] || exit 0
systemctl daemon-reload
for unit in gramwatt-exporter gramwatt-labeler; do
    [ -e "/usr/lib/systemd/system/$unit.service" ] || continue
    systemctl try-restart "$unit" # an upgrade: it goes on with the new version; one that does not run stays so
    systemctl is-enabled --quiet "$unit" || echo "start it with: systemctl enable --now $unit"
done
