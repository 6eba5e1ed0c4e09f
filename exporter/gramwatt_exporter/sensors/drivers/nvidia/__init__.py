"""What the sensor ``nvml`` is made of: the library, one GPU's energy, its utilisation rows, who holds a context."""
