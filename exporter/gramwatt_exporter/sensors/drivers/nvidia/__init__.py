"""What the sensor ``nvml`` is made of: the library, one GPU's energy, its utilisation rows, the holders of contexts."""
