"""Sources of readings: one file or folder for each."""
