"""Evaluations, their grades and models in a database: SQLite by default, PostgreSQL by its address.

An evaluation is graded once per scale; the row keeps the version and hash of the scale it was graded with.
"""

from .evaluations import Store
from .listing import DEFAULT_SORT, SORTS
from .nouns import (
    Evaluation,
    Filters,
    Given,
    Layer,
    Listed,
    Measure,
    MetricGrade,
    Model,
    ModelFacts,
    Origin,
    Page,
    Stored,
)

__all__ = [
    "DEFAULT_SORT",
    "SORTS",
    "Evaluation",
    "Filters",
    "Given",
    "Layer",
    "Listed",
    "Measure",
    "MetricGrade",
    "Model",
    "ModelFacts",
    "Origin",
    "Page",
    "Store",
    "Stored",
]
