"""Gramwatt's dashboards in a Grafana that is already there: `gramwatt-grafana push|pull|diff`."""
