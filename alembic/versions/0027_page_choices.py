"""What members chose for a page by hand, to be kept while it is gone; the websites a source really reads.

Revision ID: 0027
Revises: 0026
"""

from alembic import op

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None

WORKSPACE = "nullif(current_setting('app.workspace', true), '')::uuid"
IS_MEMBERS = "current_setting('app.audience', true) = 'members'"

# Like an exclusion it outlives its source: no foreign key.
TABLE = """
create table page_choices (
  workspace_id uuid not null references workspaces on delete cascade,
  url text not null,
  source_id uuid not null,
  title text,
  audience text check (audience in ('visitors', 'members')),
  primary key (workspace_id, url)
);
create index on page_choices (workspace_id, source_id);
-- Where the page of an address was before is asked for each new page.
create index ingest_pages_url on ingest_pages using hash (url);
alter table sources add column hosts text[] not null default '{}';
"""
# Until now a page that is not for whom its source is for was the only trace of a choice.
CHOSEN_BEFORE = """
alter table documents no force row level security;
alter table sources no force row level security;
insert into page_choices (workspace_id, url, source_id, audience)
select d.workspace_id, d.url, d.source_id, d.audience
from documents d join sources s on s.workspace_id = d.workspace_id and s.id = d.source_id
where d.url is not null and d.audience <> s.audience;
alter table documents force row level security;
alter table sources force row level security;
"""


def upgrade() -> None:
    op.execute(TABLE)
    op.execute(CHOSEN_BEFORE)
    op.execute("alter table page_choices enable row level security")
    op.execute("alter table page_choices force row level security")
    op.execute(f"create policy workspace on page_choices using (workspace_id = (select {WORKSPACE}))")
    op.execute(f"create policy audience on page_choices as restrictive using ((select {IS_MEMBERS}))")


def downgrade() -> None:
    op.execute("drop table page_choices")
    op.execute("drop index ingest_pages_url")
    op.execute("alter table sources drop column hosts")
