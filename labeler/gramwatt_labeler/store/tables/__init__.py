"""Every table of the labeler's database. ``migrations/versions`` brings a database to what stands here.

Times are Unix seconds, energy is in joules, emissions are in grams of CO2 equivalent. NULL means not known.
"""

from .base import METADATA
from .catalogue import (
    EXTRA_FIELDS,
    EXTRA_VALUES,
    INTENSITIES,
    METRICS,
    REDUCTIONS,
    ROI_ANALYSES,
    TACTICS,
    TOOL_COLUMNS,
    TOOLS,
)
from .evaluations import DATASETS, EVALUATIONS, HOSTS, MEASURES, MODELS
from .grades import GRADES, METRIC_GRADES, POPULATIONS, SCALES
from .hub import CURATION, HUB_MODELS, HUB_SYNCS, SETTINGS
from .people import AUDIT, REPLIES, SESSIONS, TOKENS, USERS
from .withdrawals import WITHDRAWALS, WITHDRAWN
from .work import JOBS

__all__ = [
    "AUDIT",
    "CURATION",
    "DATASETS",
    "EVALUATIONS",
    "EXTRA_FIELDS",
    "EXTRA_VALUES",
    "GRADES",
    "HOSTS",
    "HUB_MODELS",
    "HUB_SYNCS",
    "INTENSITIES",
    "JOBS",
    "MEASURES",
    "METADATA",
    "METRICS",
    "METRIC_GRADES",
    "MODELS",
    "POPULATIONS",
    "REDUCTIONS",
    "REPLIES",
    "ROI_ANALYSES",
    "SCALES",
    "SESSIONS",
    "SETTINGS",
    "TACTICS",
    "TOKENS",
    "TOOLS",
    "TOOL_COLUMNS",
    "USERS",
    "WITHDRAWALS",
    "WITHDRAWN",
]
