#!/bin/sh
# deb calls it with "remove" or "upgrade", rpm with 0 (removed) or 1 (upgraded). Data under /var/lib stays.
# pack.sh names the package's own service.
set -e
case ${1:-remove} in upgrade | 1) exit 0 ;; esac
[ -d /run/systemd/system ] || exit 0
systemctl disable --now @UNIT@ || true
