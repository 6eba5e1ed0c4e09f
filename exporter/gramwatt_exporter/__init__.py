"""Gramwatt exporter: energy and CO2 of every process and device, conserved to the microjoule."""

__version__ = "0.1.0"
