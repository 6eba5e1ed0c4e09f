"""What was evaluated: models, data sets and hosts, and each training or batch of inference with what it used."""

from sqlalchemy import (
    JSON,
    BigInteger,
    CheckConstraint,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    Text,
    UniqueConstraint,
    func,
    text,
)

from .base import IDENTIFIER, METADATA, NAME

LISTED = (
    "id", "parent", "phase", "task", "origin", "user_name", "model_id", "dataset_id", "host_id", "search",
)  # fmt: skip
"""Columns of evaluations that a list is narrowed by."""

MODELS = Table(
    "models",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("author", String(NAME), nullable=False),
    Column("name", String(NAME), nullable=False),
    Column("revision", String(NAME), nullable=False),
    Column("hub_id", String(NAME), unique=True),
    Column("domain", String(NAME), nullable=False, server_default=""),
    Column("library", String(NAME), nullable=False, server_default=""),
    Column("licence", String(NAME), nullable=False, server_default=""),
    Column("parameters", Float),
    Column("file_bytes", Float),
    Column("flops_per_unit", Float),
    Column("downloads", BigInteger),
    Column("likes", BigInteger),
    Column("note", Text, nullable=False, server_default=""),
    Column("created_at", Float, nullable=False),
    Column("updated_at", Float, nullable=False),
    UniqueConstraint("author", "name", "revision"),
)

DATASETS = Table(
    "datasets",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("name", String(NAME), nullable=False, unique=True),
    Column("bytes", Float),
    Column("samples", Float),
)

HOSTS = Table(
    "hosts",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("instance", String(NAME), nullable=False, unique=True),
    Column("hardware", String(NAME), nullable=False, server_default=""),
    Column("hardware_group", String(NAME), nullable=False, server_default=""),
)

EVALUATIONS = Table(
    "evaluations",
    METADATA,
    Column("id", String(IDENTIFIER), primary_key=True),  # of the window or run, or a ULID
    Column("origin", String(16), nullable=False),
    Column("origin_detail", JSON, nullable=False),
    Column("origin_sha256", String(64), nullable=False, server_default=""),  # of the file it was read from
    Column("name", String(NAME), nullable=False),
    Column("phase", String(32), nullable=False),
    Column("task", String(NAME), nullable=False),
    Column("model_id", Integer, ForeignKey("models.id")),
    Column("dataset_id", Integer, ForeignKey("datasets.id")),
    Column("host_id", Integer, ForeignKey("hosts.id")),
    Column("parent", String(IDENTIFIER), nullable=False),
    Column("user_name", String(NAME), nullable=False),  # "user" is PostgreSQL's word for who is connected
    Column("started", Float, nullable=False),
    Column("ended", Float, nullable=False),
    Column("energy_joules", Float),
    Column("gpu_joules", Float),
    Column("cpu_joules", Float),
    Column("dram_joules", Float),
    Column("other_joules", Float),
    Column("boundary", String(16), nullable=False, server_default=""),
    Column("floor_joules", Float),
    Column("emissions_grams", Float),
    Column("intensity_grams_per_kwh", Float),
    Column("zone", String(64), nullable=False, server_default=""),
    Column("uncertainty_ratio", Float),
    Column("coverage_ratio", Float),
    Column("samples", Integer),
    Column("content_hash", String(64), nullable=False, unique=True),  # the same twice is refused by this
    Column("created_at", Float, nullable=False),
    Column("created_by", String(NAME), nullable=False, server_default=""),
    Column("replaced_by", String(IDENTIFIER), ForeignKey("evaluations.id")),  # empty: see the table withdrawn
    Column("import_id", String(26), nullable=False, server_default=""),  # of those that came in together
    Column(
        "search", Text, nullable=False
    ),  # what is searched, in small letters: one column is read instead of nine
    Column("record", JSON, nullable=False),  # the whole Window and Measurement; the columns are for queries
    # Of the phase and the boundary there is no check: a recorded window with an odd one is kept all the same.
    CheckConstraint(
        "origin IN ('window', 'codecarbon', 'form', 'file', 'probe', 'hub', 'range')", name="origin"
    ),
)
Index("ix_evaluations_ended_id", EVALUATIONS.c.ended.desc(), EVALUATIONS.c.id)
Index("ix_evaluations_task_phase_ended", EVALUATIONS.c.task, EVALUATIONS.c.phase, EVALUATIONS.c.ended)
Index("ix_evaluations_model_id_ended", EVALUATIONS.c.model_id, EVALUATIONS.c.ended)
Index("ix_evaluations_user_name_ended", EVALUATIONS.c.user_name, EVALUATIONS.c.ended)
Index("ix_evaluations_host_id_ended", EVALUATIONS.c.host_id, EVALUATIONS.c.ended)
Index("ix_evaluations_lower_name_id", func.lower(EVALUATIONS.c.name), EVALUATIONS.c.id)
Index("ix_evaluations_dataset_id_ended", EVALUATIONS.c.dataset_id, EVALUATIONS.c.ended)
# Most are inside no other. SQLite, which does not count, would read all of them by this; of a few it is quick.
Index(
    "ix_evaluations_parent_ended_id",
    EVALUATIONS.c.parent,
    EVALUATIONS.c.ended.desc(),
    EVALUATIONS.c.id,
    sqlite_where=text("parent != ''"),
)
Index("ix_evaluations_origin_ended", EVALUATIONS.c.origin, EVALUATIONS.c.ended).ddl_if(dialect="postgresql")
# What filters and searches ask for is read from this in place of whole rows. PostgreSQL's indexes hold no texts of this
# length; there `searching.py` makes one of another kind.
Index(
    "ix_evaluations_listed",
    EVALUATIONS.c.ended.desc(),
    *(EVALUATIONS.c[name] for name in LISTED),
).ddl_if(dialect="sqlite")
Index("ix_evaluations_energy_joules", EVALUATIONS.c.energy_joules)
Index("ix_evaluations_emissions_grams", EVALUATIONS.c.emissions_grams)
# What is deleted is looked for here, though no row has one.
Index(
    "ix_evaluations_replaced_by",
    EVALUATIONS.c.replaced_by,
    sqlite_where=text("replaced_by IS NOT NULL"),
    postgresql_where=text("replaced_by IS NOT NULL"),
)
# Few have one.
Index(
    "ix_evaluations_import_id",
    EVALUATIONS.c.import_id,
    sqlite_where=text("import_id <> ''"),
    postgresql_where=text("import_id <> ''"),
)

MEASURES = Table(
    "measures",
    METADATA,
    Column("evaluation_id", String(IDENTIFIER), ForeignKey("evaluations.id"), primary_key=True),
    Column("metric", String(NAME), primary_key=True),
    Column("layer", String(16), primary_key=True),  # curated wins over form, form over derived and mined
    Column("value", Float),
    Column("raw_text", String(NAME), nullable=False, server_default=""),
    Column("raw_unit", String(64), nullable=False, server_default=""),
    Column("note", String(1000), nullable=False, server_default=""),
    CheckConstraint("layer IN ('mined', 'derived', 'curated', 'form')", name="layer"),
)
