"""The parts of the sensor for AMD GPUs."""
