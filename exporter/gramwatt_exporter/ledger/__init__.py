"""Monotonic counters per device, workload, intensity and window, and how they survive a restart."""
