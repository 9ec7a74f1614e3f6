"""The common reservation and settlement of the ledger as one function each.

Revision ID: 0012
Revises: 0011
"""

from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

# Both run with the rights and under the policies of whoever calls them. They change nothing, and give null,
# where anything is out of the ordinary: then billing/reservations.py does what it takes, step by step.
RESERVE = """
create function reserve_at_once(
  in_workspace uuid, in_unit text, in_allowance int, in_wanted int, in_least int, in_reservation uuid,
  in_entry uuid, in_description text, in_lifetime interval
) returns int language plpgsql as $$
declare
  account ledger_accounts;
  taken int;
  of_allowance int;
  expiry timestamptz;
begin
  select * into account from ledger_accounts
    where workspace_id = in_workspace and unit = in_unit for update;
  expiry := clock_timestamp() + in_lifetime;
  if not found or account.allowance <> in_allowance or clock_timestamp() >= account.period_end then
    return null;
  end if;
  taken := least(in_wanted, account.balance);
  if taken < in_least then
    return null;
  end if;
  of_allowance := least(taken, account.granted);
  update ledger_accounts
    set spent = spent + of_allowance, topped_up = topped_up - (taken - of_allowance), position = position + 1
    where workspace_id = in_workspace and unit = in_unit;
  insert into ledger_reservations
    (workspace_id, id, unit, granted, topped_up, period_start, expires_at, created_at)
    values (in_workspace, in_reservation, in_unit, of_allowance, taken - of_allowance, account.period_start,
            expiry, clock_timestamp());
  insert into ledger_entries
    (workspace_id, id, unit, position, kind, granted, topped_up, balance_after, idempotency_key,
     reservation_id, description, created_at)
    values (in_workspace, in_entry, in_unit, account.position + 1, 'reservation', -of_allowance,
            of_allowance - taken, account.balance - taken, 'reserve:' || in_reservation, in_reservation,
            in_description, clock_timestamp());
  -- Whoever moves this on holds the account's lock as well.
  if not exists (select from billing_deadlines where workspace_id = in_workspace and due_at <= expiry) then
    insert into billing_deadlines as deadline (workspace_id, due_at) values (in_workspace, expiry)
      on conflict (workspace_id) do update set due_at = excluded.due_at
      where deadline.due_at > excluded.due_at;
  end if;
  return taken;
end $$
"""

SETTLE = """
create function settle_at_once(
  in_workspace uuid, in_unit text, in_reservation uuid, in_used int, in_description text,
  in_release_entry uuid, in_usage_entry uuid, in_given_back text, in_thresholds int[]
) returns int language plpgsql as $$
declare
  account ledger_accounts;
  held ledger_reservations;
  spent_before int;
  left_before int;
  left_after int;
  topped int;
  taken int;
  of_allowance int;
begin
  select * into account from ledger_accounts
    where workspace_id = in_workspace and unit = in_unit for update;
  if not found then
    return null;
  end if;
  select * into held from ledger_reservations
    where workspace_id = in_workspace and id = in_reservation and unit = in_unit;
  -- Settled, given back or expired already; or of a month that is over.
  if not found or held.period_start <> account.period_start then
    return null;
  end if;
  delete from ledger_reservations where workspace_id = in_workspace and id = in_reservation;
  spent_before := greatest(account.spent - held.granted, 0);
  left_before := greatest(account.allowance - spent_before, 0);
  topped := account.topped_up + held.topped_up;
  insert into ledger_entries
    (workspace_id, id, unit, position, kind, granted, topped_up, balance_after, idempotency_key,
     reservation_id, description, created_at)
    values (in_workspace, in_release_entry, in_unit, account.position + 1, 'release',
            left_before - account.granted, held.topped_up, left_before + topped,
            'release:' || in_reservation, in_reservation, in_given_back, clock_timestamp());
  -- What was held is there to be spent, also when a smaller plan left nothing of the allowance meanwhile.
  taken := least(in_used, greatest(left_before, held.granted) + topped);
  of_allowance := least(taken, greatest(left_before, held.granted));
  left_after := greatest(account.allowance - (spent_before + of_allowance), 0);
  topped := topped - (taken - of_allowance);
  insert into ledger_entries
    (workspace_id, id, unit, position, kind, granted, topped_up, balance_after, idempotency_key,
     reservation_id, description, created_at)
    values (in_workspace, in_usage_entry, in_unit, account.position + 2, 'usage', left_after - left_before,
            of_allowance - taken, left_after + topped, 'usage:' || in_reservation, in_reservation,
            in_description, clock_timestamp());
  update ledger_accounts
    set spent = spent_before + of_allowance, topped_up = topped, used = used + taken, position = position + 2
    where workspace_id = in_workspace and unit = in_unit;
  if account.allowance > 0 then
    insert into usage_alerts (workspace_id, unit, period_start, threshold, created_at)
      select in_workspace, in_unit, account.period_start, threshold, clock_timestamp()
      from unnest(in_thresholds) threshold
      where (account.used + taken)::bigint * 100 >= threshold::bigint * account.allowance
      on conflict do nothing;
    if found then
      insert into billing_deadlines as deadline (workspace_id, due_at)
        values (in_workspace, clock_timestamp())
        on conflict (workspace_id) do update set due_at = excluded.due_at
        where deadline.due_at > excluded.due_at;
    end if;
  end if;
  return taken;
end $$
"""


def upgrade() -> None:
    op.execute(RESERVE)
    op.execute(SETTLE)


def downgrade() -> None:
    op.execute("drop function reserve_at_once, settle_at_once")
