"""What was taken back: each act, and the rows of its evaluations as they were, so that they can be put back."""

from sqlalchemy import JSON, Column, Float, ForeignKey, Index, Integer, String, Table

from .base import IDENTIFIER, METADATA, NAME

WITHDRAWALS = Table(
    "withdrawals",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("at", Float, nullable=False),
    Column("user_name", String(NAME), nullable=False),  # a name: it stays when the user goes
    Column("reason", String(1000), nullable=False),
    sqlite_autoincrement=True,  # an address that names one never names another
)

WITHDRAWN = Table(
    "withdrawn",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("withdrawal_id", Integer, ForeignKey("withdrawals.id"), nullable=False),
    # Not unique: a run that was added again may be taken back again.
    Column("evaluation_id", String(IDENTIFIER), nullable=False),
    Column("content_hash", String(64), nullable=False),
    Column("origin", String(16), nullable=False),
    Column("replaced_by", String(IDENTIFIER), nullable=False, server_default=""),  # its correction
    Column("rows", JSON, nullable=False),  # of evaluations, measures, extra_values, grades, metric_grades
    sqlite_autoincrement=True,  # the largest number is the latest
)
Index("ix_withdrawn_withdrawal_id", WITHDRAWN.c.withdrawal_id)
Index("ix_withdrawn_evaluation_id", WITHDRAWN.c.evaluation_id)
Index("ix_withdrawn_content_hash", WITHDRAWN.c.content_hash)
Index("ix_withdrawn_replaced_by", WITHDRAWN.c.replaced_by)
