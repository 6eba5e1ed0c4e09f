"""Energy sources: one file is one source; registry.py orders them, sensor_set.py merges them."""
