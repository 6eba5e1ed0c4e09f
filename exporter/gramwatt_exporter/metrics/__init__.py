"""What /metrics says: the catalogue of every metric, and the rendering of a snapshot."""
