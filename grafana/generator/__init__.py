"""The dashboards as code: each module builds one, ``python -m grafana.generator`` writes them as JSON."""
