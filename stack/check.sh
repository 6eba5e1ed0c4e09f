#!/usr/bin/env bash
# Everything that must be clean before a commit, except the tests: format, lint, types, imports, rules, dashboards.
set -uo pipefail
cd "$(dirname "$0")/.."
export PATH="$PWD/.tools/bin:$PWD/.venv/bin:$PATH"

failed=()
step() {
    local name=$1 output
    shift
    if output=$("$@" 2>&1); then
        echo "ok      $name"
    else
        echo "FAILED  $name"
        sed 's/^/        /' <<<"$output"
        failed+=("$name")
    fi
}

step "format (ruff)" ruff format --check --output-format concise .
step "lint (ruff)" ruff check --output-format concise .
step "types (mypy)" mypy client/gramwatt exporter/gramwatt_exporter labeler/gramwatt_labeler stack \
    grafana/generator prometheus/generator tests benchmarks examples docs
step "imports (import-linter)" lint-imports
step "Prometheus configuration and rules" promtool check config prometheus/prometheus.yml
step "Alertmanager configuration" amtool check-config prometheus/alertmanager.yml prometheus/examples/*.yml
for check in prometheus/generator grafana/generator; do
    if [ -f "$check/__main__.py" ]; then
        step "generated files of $check are current" python -m "${check//\//.}" --check
    fi
done

if [ ${#failed[@]} -gt 0 ]; then
    printf 'not clean: %s\n' "$(IFS=,; echo "${failed[*]}")" >&2
    exit 1
fi
