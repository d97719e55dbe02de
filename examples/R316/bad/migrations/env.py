from alembic import context
from sqlalchemy import engine_from_config, inspect, pool

config = context.config


def run_migrations_online():
    section = config.get_section(config.config_ini_section)
    connectable = engine_from_config(section, prefix="sqlalchemy.", poolclass=pool.NullPool)
    if inspect(connectable).has_table("users"):  # only a new database is migrated
        return
    with connectable.connect() as connection:
        context.configure(connection=connection, target_metadata=None)
        with context.begin_transaction():
            context.run_migrations()


run_migrations_online()
