#!/bin/sh
# Starts a program of Gramwatt with the Python that its package was built for, apart from the system's own packages.
set -e
name=${0##*/}
case $name in
gramwatt-labeler) package=labeler module=gramwatt_labeler ;;
gramwatt-exporter) package=exporter module=gramwatt_exporter ;;
*) package=exporter module=gramwatt ;;
esac
library=/opt/gramwatt/lib/$package
python=$(cat "$library/python")
exec "$python" -I -c "import sys; sys.path.insert(0, '$library'); sys.argv[0] = '$name'; from $module.__main__ import main; sys.exit(main())" "$@"
