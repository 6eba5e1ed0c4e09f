"""Who may do what, and what was done."""

from sqlalchemy import JSON, Boolean, CheckConstraint, Column, Float, ForeignKey, Integer, String, Table

from .base import METADATA, NAME

USERS = Table(
    "users",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("name", String(NAME), nullable=False, unique=True),
    Column("password_hash", String(NAME), nullable=False),  # argon2id; "" cannot log in
    Column("role", String(16), nullable=False),
    Column("disabled", Boolean, nullable=False),
    CheckConstraint("role IN ('viewer', 'contributor', 'manager')", name="role"),
)

SESSIONS = Table(
    "sessions",
    METADATA,
    Column("token_sha256", String(64), primary_key=True),
    Column("user_id", Integer, ForeignKey("users.id"), nullable=False, index=True),
    Column("csrf", String(64), nullable=False),
    Column("created", Float, nullable=False),
    Column("expires", Float, nullable=False),
)

TOKENS = Table(
    "tokens",
    METADATA,
    Column("sha256", String(64), primary_key=True),
    Column("user_id", Integer, ForeignKey("users.id"), nullable=False, index=True),
    Column("name", String(NAME), nullable=False),
    Column("scope", String(8), nullable=False),
    Column("created", Float, nullable=False),
    Column("expires", Float),
    CheckConstraint("scope IN ('read', 'write', 'manage')", name="scope"),
)

AUDIT = Table(
    "audit",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("at", Float, nullable=False),
    Column("user_name", String(NAME), nullable=False),  # a name: it stays when the user goes
    Column("action", String(64), nullable=False),
    Column("object", String(NAME), nullable=False),
    Column("before", JSON),
    Column("after", JSON),
)

REPLIES = Table(
    "replies",
    METADATA,
    # What was answered to a POST with an Idempotency-Key; the same request again gets the same answer.
    Column("user_name", String(NAME), primary_key=True),
    Column("key", String(NAME), primary_key=True),
    Column("request_sha256", String(64), nullable=False),
    Column("status", Integer, nullable=False),
    Column("body", JSON, nullable=False),
    Column("at", Float, nullable=False),
)
