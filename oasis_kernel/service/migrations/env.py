"""What alembic runs: the migrations, in the transaction of whoever asked for them."""

from alembic import context

from oasis_kernel.service.tables import Base

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    render_as_batch=True,
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
