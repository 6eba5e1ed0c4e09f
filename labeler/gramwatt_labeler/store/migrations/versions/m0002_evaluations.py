"""An evaluation is a row of its own, with models, data sets and hosts beside it; grades refer to it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from gramwatt_labeler.store.migrations.moving import move

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Set the old table aside, create the new ones, move every record, drop the old table."""
    op.rename_table("grades", "grades_0001")
    _create()
    move(op.get_bind())
    op.drop_table("grades_0001")


def _create() -> None:
    op.create_table(
        "datasets",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(256), nullable=False),
        sa.Column("bytes", sa.Float()),
        sa.Column("samples", sa.Float()),
        sa.PrimaryKeyConstraint("id", name="pk_datasets"),
        sa.UniqueConstraint("name", name="uq_datasets_name"),
    )
    op.create_table(
        "hosts",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("instance", sa.String(256), nullable=False),
        sa.Column("hardware", sa.String(256), server_default="", nullable=False),
        sa.Column("hardware_group", sa.String(256), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_hosts"),
        sa.UniqueConstraint("instance", name="uq_hosts_instance"),
    )
    op.create_table(
        "models",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("author", sa.String(256), nullable=False),
        sa.Column("name", sa.String(256), nullable=False),
        sa.Column("revision", sa.String(256), nullable=False),
        sa.Column("hub_id", sa.String(256)),
        sa.Column("domain", sa.String(256), server_default="", nullable=False),
        sa.Column("library", sa.String(256), server_default="", nullable=False),
        sa.Column("licence", sa.String(256), server_default="", nullable=False),
        sa.Column("parameters", sa.Float()),
        sa.Column("file_bytes", sa.Float()),
        sa.Column("flops_per_unit", sa.Float()),
        sa.Column("downloads", sa.BigInteger()),
        sa.Column("likes", sa.BigInteger()),
        sa.Column("note", sa.Text(), server_default="", nullable=False),
        sa.Column("created_at", sa.Float(), nullable=False),
        sa.Column("updated_at", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_models"),
        sa.UniqueConstraint("author", "name", "revision", name="uq_models_author_name_revision"),
        sa.UniqueConstraint("hub_id", name="uq_models_hub_id"),
    )
    op.create_table(
        "populations",
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("name", sa.String(256), nullable=False),
        sa.Column("version", sa.String(64), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("licence", sa.String(256), nullable=False),
        sa.Column("rows", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("sha256", name="pk_populations"),
        sa.UniqueConstraint("name", "version", name="uq_populations_name_version"),
    )
    op.create_table(
        "scales",
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("version", sa.String(64), nullable=False),
        sa.Column("kind", sa.String(32), server_default="", nullable=False),
        sa.Column("content", sa.Text(), server_default="", nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("created_by", sa.String(256), server_default="", nullable=False),
        sa.Column("created_at", sa.Float(), nullable=False),
        sa.CheckConstraint("state IN ('draft', 'active', 'retired')", name="ck_scales_state"),
        sa.PrimaryKeyConstraint("sha256", name="pk_scales"),
    )
    op.create_index("ix_scales_name", "scales", ["name"])
    op.create_table(
        "evaluations",
        sa.Column("id", sa.String(128), nullable=False),
        sa.Column("origin", sa.String(16), nullable=False),
        sa.Column("origin_detail", sa.JSON(), nullable=False),
        sa.Column("origin_sha256", sa.String(64), server_default="", nullable=False),
        sa.Column("name", sa.String(256), nullable=False),
        sa.Column("phase", sa.String(32), nullable=False),
        sa.Column("task", sa.String(256), nullable=False),
        sa.Column("model_id", sa.Integer()),
        sa.Column("dataset_id", sa.Integer()),
        sa.Column("host_id", sa.Integer()),
        sa.Column("parent", sa.String(128), nullable=False),
        sa.Column("user_name", sa.String(256), nullable=False),
        sa.Column("started", sa.Float(), nullable=False),
        sa.Column("ended", sa.Float(), nullable=False),
        sa.Column("energy_joules", sa.Float()),
        sa.Column("gpu_joules", sa.Float()),
        sa.Column("cpu_joules", sa.Float()),
        sa.Column("dram_joules", sa.Float()),
        sa.Column("other_joules", sa.Float()),
        sa.Column("boundary", sa.String(16), server_default="", nullable=False),
        sa.Column("floor_joules", sa.Float()),
        sa.Column("emissions_grams", sa.Float()),
        sa.Column("intensity_grams_per_kwh", sa.Float()),
        sa.Column("zone", sa.String(64), server_default="", nullable=False),
        sa.Column("uncertainty_ratio", sa.Float()),
        sa.Column("coverage_ratio", sa.Float()),
        sa.Column("samples", sa.Integer()),
        sa.Column("content_hash", sa.String(64), nullable=False),
        sa.Column("created_at", sa.Float(), nullable=False),
        sa.Column("created_by", sa.String(256), server_default="", nullable=False),
        sa.Column("replaced_by", sa.String(128)),
        sa.Column("search", sa.Text(), nullable=False),
        sa.Column("record", sa.JSON(), nullable=False),
        sa.CheckConstraint(
            "origin IN ('window', 'codecarbon', 'form', 'file', 'probe', 'hub', 'range')",
            name="ck_evaluations_origin",
        ),
        sa.ForeignKeyConstraint(["dataset_id"], ["datasets.id"], name="fk_evaluations_dataset_id"),
        sa.ForeignKeyConstraint(["host_id"], ["hosts.id"], name="fk_evaluations_host_id"),
        sa.ForeignKeyConstraint(["model_id"], ["models.id"], name="fk_evaluations_model_id"),
        sa.ForeignKeyConstraint(["replaced_by"], ["evaluations.id"], name="fk_evaluations_replaced_by"),
        sa.PrimaryKeyConstraint("id", name="pk_evaluations"),
        sa.UniqueConstraint("content_hash", name="uq_evaluations_content_hash"),
    )
    op.create_index("ix_evaluations_emissions_grams", "evaluations", ["emissions_grams"])
    op.create_index("ix_evaluations_ended_id", "evaluations", [sa.literal_column("ended DESC"), "id"])
    op.create_index("ix_evaluations_energy_joules", "evaluations", ["energy_joules"])
    op.create_index("ix_evaluations_model_id_ended", "evaluations", ["model_id", "ended"])
    op.create_index("ix_evaluations_task_phase_ended", "evaluations", ["task", "phase", "ended"])
    op.create_index("ix_evaluations_user_name_ended", "evaluations", ["user_name", "ended"])
    op.create_table(
        "grades",
        sa.Column("evaluation_id", sa.String(128), nullable=False),
        sa.Column("scale_sha256", sa.String(64), nullable=False),
        sa.Column("scale", sa.String(64), nullable=False),
        sa.Column("is_current", sa.Boolean(), nullable=False),
        sa.Column("letter", sa.String(3)),
        sa.Column("best", sa.String(3)),
        sa.Column("worst", sa.String(3)),
        sa.Column("efficiency_index", sa.Float()),
        sa.Column("unit", sa.String(32), nullable=False),
        sa.Column("per_unit_joules", sa.Float()),
        sa.Column("per_unit_grams", sa.Float()),
        sa.Column("reason", sa.String(1000), nullable=False),
        sa.Column("record", sa.JSON(), nullable=False),
        sa.Column("graded_at", sa.Float(), nullable=False),
        sa.Column("annotated", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["evaluation_id"], ["evaluations.id"], name="fk_grades_evaluation_id"),
        sa.ForeignKeyConstraint(["scale_sha256"], ["scales.sha256"], name="fk_grades_scale_sha256"),
        sa.PrimaryKeyConstraint("evaluation_id", "scale_sha256", name="pk_grades"),
    )
    op.create_index(
        "ix_grades_not_annotated",
        "grades",
        ["evaluation_id"],
        sqlite_where=sa.text("NOT annotated"),
        postgresql_where=sa.text("NOT annotated"),
    )
    op.create_index("ix_grades_letter_scale", "grades", ["letter", "scale", "evaluation_id"])
    op.create_index(
        "uq_grades_current",
        "grades",
        ["evaluation_id", "scale"],
        unique=True,
        sqlite_where=sa.text("is_current"),
        postgresql_where=sa.text("is_current"),
    )
    op.create_table(
        "measures",
        sa.Column("evaluation_id", sa.String(128), nullable=False),
        sa.Column("metric", sa.String(256), nullable=False),
        sa.Column("layer", sa.String(16), nullable=False),
        sa.Column("value", sa.Float()),
        sa.Column("raw_text", sa.String(256), server_default="", nullable=False),
        sa.Column("raw_unit", sa.String(64), server_default="", nullable=False),
        sa.Column("note", sa.String(1000), server_default="", nullable=False),
        sa.CheckConstraint("layer IN ('mined', 'derived', 'curated', 'form')", name="ck_measures_layer"),
        sa.ForeignKeyConstraint(["evaluation_id"], ["evaluations.id"], name="fk_measures_evaluation_id"),
        sa.PrimaryKeyConstraint("evaluation_id", "metric", "layer", name="pk_measures"),
    )
    op.create_table(
        "metric_grades",
        sa.Column("evaluation_id", sa.String(128), nullable=False),
        sa.Column("scale_sha256", sa.String(64), nullable=False),
        sa.Column("metric", sa.String(256), nullable=False),
        sa.Column("value", sa.Float()),
        sa.Column("metric_index", sa.Float()),
        sa.Column("letter", sa.String(3)),
        sa.ForeignKeyConstraint(
            ["evaluation_id", "scale_sha256"],
            ["grades.evaluation_id", "grades.scale_sha256"],
            name="fk_metric_grades_evaluation_id_scale_sha256",
        ),
        sa.PrimaryKeyConstraint("evaluation_id", "scale_sha256", "metric", name="pk_metric_grades"),
    )
