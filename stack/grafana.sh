#!/usr/bin/env bash
# An installed Grafana with our datasource and dashboards, its data under var/. Called by the Procfile.
set -euo pipefail
home=${GRAFANA_HOME:-/usr/share/grafana}
export GF_PATHS_DATA=$STACK_VAR/grafana GF_PATHS_LOGS=$STACK_VAR/log/grafana GF_PATHS_PLUGINS=$STACK_VAR/grafana/plugins
export GF_PATHS_PROVISIONING=$STACK_ROOT/grafana/provisioning
export GRAMWATT_DASHBOARDS=$STACK_ROOT/grafana/dashboards PROMETHEUS_URL=$GRAMWATT_PROMETHEUS_URL
bind=${STACK_BIND#[} # Grafana takes an IPv6 address without brackets
export GF_SERVER_HTTP_ADDR=${bind%]} GF_SERVER_HTTP_PORT=$STACK_GRAFANA_PORT
export GF_SECURITY_ADMIN_PASSWORD=$GRAFANA_ADMIN_PASSWORD GF_AUTH_ANONYMOUS_ENABLED=false
export GF_ANALYTICS_REPORTING_ENABLED=false GF_ANALYTICS_CHECK_FOR_UPDATES=false
if command -v grafana >/dev/null; then
    exec grafana server --homepath "$home"
fi
exec grafana-server --homepath "$home"
