"""Linux hwmon and IIO: chips, channels, and what each measures."""
