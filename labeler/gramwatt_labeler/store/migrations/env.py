"""What Alembic runs: the steps over the connection that ``migrate`` opened and locked."""

from alembic import context

from gramwatt_labeler.store.tables import METADATA

context.configure(connection=context.config.attributes["connection"], target_metadata=METADATA)
with context.begin_transaction():
    context.run_migrations()
