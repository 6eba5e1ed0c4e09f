"""What each setting means, in one line: the help text of its flag."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

TEXTS: Mapping[str, str] = MappingProxyType(
    {
        "prometheus.url": "the server that scrapes the exporters (http://127.0.0.1:9090)",
        "prometheus.timeout": "how long one answer may take (10s)",
        "prometheus.token_file": "file with a bearer token, for a server behind a proxy",
        "watch.interval": "time between two looks, 1s to 1h (15s)",
        "watch.lookback": "how far back finished windows are looked for (1d)",
        "watch.patience": "how long to wait for a window's third sample before it is refused (5m)",
        "watch.reports": "true: wait at the exporters for windows that end; false: read Prometheus alone (true)",
        "watch.exporters": "addresses of exporters to wait at (all that Prometheus scrapes)",
        "grading.scales": "scales to grade on, with commas; the first one is on the label (gramwatt)",
        "grading.scales_dir": "folder with more scale files; one of a built-in scale's name replaces it",
        "grading.hardware": "group of hardware where a window names none: H100, consumer-gpu, cpu-server",
        "data.dir": "folder of results (var/labeler)",
        "data.database_url": "address of SQLite or PostgreSQL (SQLite in data.dir)",
        "labels.dir": "folder of label files (labels in data.dir)",
        "labels.formats": "label files to write, with commas (svg,png,pdf)",
        "labels.base_url": "address of the pages, for the QR code (http:// and web.listen_address)",
        "labels.parts": "true: label files also for windows inside another one (false)",
        "web.listen_address": "address of metrics, labels, REST and dashboards (127.0.0.1:10045)",
        "web.dashboards_dir": "folder with the dashboard JSON files (grafana/dashboards)",
        "web.allowed_hosts": "more names of this server, with commas: *.example.org; * for any",
        "grafana.url": "an existing Grafana that gets an annotation per grade (none)",
        "grafana.token_file": "file with its service-account token (GRAMWATT_GRAFANA_TOKEN)",
        "grafana.timeout": "how long one answer may take (5s)",
        "probe.allowed_hosts": "hosts a probe may call, with commas: *.example.org (localhost,127.0.0.1,::1)",
        "hub.endpoint": "address of the hub that `study sync` reads (https://huggingface.co)",
        "hub.token_file": "file with a token of the hub (HF_TOKEN; none is needed)",
        "log.level": "debug, info, warning or error (info)",
    }
)
"""By key, with the default in brackets. docs/labeler.md has the whole table."""
