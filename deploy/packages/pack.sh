#!/usr/bin/env bash
# One package of what lies in $GRAMWATT_BUILD: pack.sh deb|rpm exporter|labeler FOLDER. build.sh sets the variables.
set -euo pipefail
cd "$(dirname "$0")/../.."
kind=$1 name=$2 folder=$3
for script in after-install before-remove; do # each package minds its own service only
    sed "s/@UNIT@/gramwatt-$name/g" "deploy/packages/$script.sh" >"$GRAMWATT_BUILD/$name-$script.sh"
done
# nfpm knows variables in contents, but not in scripts.
sed "s#\${GRAMWATT_BUILD}/#$GRAMWATT_BUILD/#" "deploy/packages/$name.yaml" >"$GRAMWATT_BUILD/$name.yaml"
"${NFPM:-nfpm}" package --config "$GRAMWATT_BUILD/$name.yaml" --packager "$kind" --target "$folder"
