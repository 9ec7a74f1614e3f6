"""Websites that are read by their links: how far away a page is, and where a run saw no further.

Revision ID: 0030
Revises: 0029
"""

from alembic import op

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("alter table sources drop constraint sources_kind_check")
    op.execute(
        "alter table sources add constraint sources_kind_check"
        " check (kind in ('page', 'site', 'sitemap', 'file', 'note'))"
    )
    op.execute("alter table ingest_pages add column depth smallint default 0")
    op.execute("alter table ingest_jobs add column walk text")


def downgrade() -> None:
    op.execute("alter table ingest_jobs drop column walk")
    op.execute("alter table ingest_pages drop column depth")
    op.execute("alter table sources drop constraint sources_kind_check")
    op.execute("alter table sources no force row level security")
    op.execute("update sources set kind = 'page' where kind = 'site'")
    op.execute("alter table sources force row level security")
    op.execute(
        "alter table sources add constraint sources_kind_check"
        " check (kind in ('page', 'sitemap', 'file', 'note'))"
    )
