"""Runs the whole stack on one machine: behind `make up`, `make down` and `make demo`. Not installed."""
