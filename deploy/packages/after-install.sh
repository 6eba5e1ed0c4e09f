#!/bin/sh
# deb calls it with "configure [OLD VERSION]", rpm with 1 (installed) or 2 (upgraded).
# pack.sh names the package's own service.
set -e
[ -d /run/systemd/system ] || exit 0
systemctl daemon-reload
systemctl try-restart @UNIT@ # an upgrade: it goes on with the new version; one that does not run stays so
systemctl is-enabled --quiet @UNIT@ || echo "start it with: systemctl enable --now @UNIT@"
