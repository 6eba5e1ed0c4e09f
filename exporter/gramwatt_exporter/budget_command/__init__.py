"""``gramwatt-exporter budgets``: set, list, show and remove budgets without writing YAML."""

from .cli import run

__all__ = ["run"]
