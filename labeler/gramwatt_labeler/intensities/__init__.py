"""Yearly carbon intensities of grids, read from public tables and kept with their source."""
