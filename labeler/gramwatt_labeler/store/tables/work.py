"""Work that takes longer than a request."""

from sqlalchemy import JSON, CheckConstraint, Column, Float, Index, Integer, String, Table, Text

from .base import METADATA, NAME

JOBS = Table(
    "jobs",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("kind", String(32), nullable=False),
    Column("state", String(16), nullable=False),
    Column("params", JSON, nullable=False),
    Column("progress", JSON, nullable=False),
    Column("result", JSON),
    Column("error", Text, nullable=False, server_default=""),
    Column("tries", Integer, nullable=False),
    Column("created_by", String(NAME), nullable=False),
    Column("created_at", Float, nullable=False),
    Column("heartbeat_at", Float),
    CheckConstraint("state IN ('queued', 'running', 'done', 'failed', 'cancelled')", name="state"),
)
Index("ix_jobs_state_id", JOBS.c.state, JOBS.c.id)
