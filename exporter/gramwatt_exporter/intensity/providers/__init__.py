"""Providers of the grid's intensity, one file each, and what they share."""
