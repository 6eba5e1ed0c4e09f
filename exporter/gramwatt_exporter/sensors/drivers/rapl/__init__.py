"""RAPL and the other control types of the kernel's powercap class."""
