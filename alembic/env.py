"""Runs the migrations: on the connection handed over by the application, or as the owner of the tables."""

from __future__ import annotations

from alembic import context
from sqlalchemy import create_engine
from sqlmodel import SQLModel

from helpninja_app.kernel.database import sqlalchemy_url
from helpninja_app.settings import get_settings


def run() -> None:
    connection = context.config.attributes.get("connection")
    if connection is None:
        owner_url = get_settings().database_owner_url
        if owner_url is None:
            raise SystemExit("Set DATABASE_OWNER_URL, or run: helpninja migrate")
        connection = create_engine(sqlalchemy_url(owner_url)).connect()
    context.configure(
        connection=connection, target_metadata=SQLModel.metadata, transaction_per_migration=True
    )
    with context.begin_transaction():
        context.run_migrations()


run()
