"""The catalogue of every metric, and the rendering of a snapshot for /metrics."""
