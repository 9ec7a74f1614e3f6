"""Thresholds are reached by what is used of the allowance, not by what was bought or used without a limit.

Revision ID: 0037
Revises: 0036
"""

from alembic import op

revision = "0037"
down_revision = "0036"
branch_labels = None
depends_on = None

# As revision 0034 made it, but for what the thresholds are compared with.
SETTLE = """
create or replace function settle_at_once(
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
  {of_month}
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
{note}
  return taken;
end $$
"""
ALL_USE = """
  if account.allowance > 0 then
    insert into usage_alerts as alert
      (workspace_id, unit, period_start, threshold, allowance, created_at)
      select in_workspace, in_unit, account.period_start, threshold, account.allowance, clock_timestamp()
      from unnest(in_thresholds) threshold
      where (account.used + taken)::bigint * 100 >= threshold::bigint * account.allowance
      on conflict (workspace_id, unit, period_start, threshold) do update
      set allowance = excluded.allowance, mailed_at = null
      where alert.allowance < excluded.allowance;
    if found then
      insert into billing_deadlines as deadline (workspace_id, due_at)
        values (in_workspace, clock_timestamp())
        on conflict (workspace_id) do update set due_at = excluded.due_at
        where deadline.due_at > excluded.due_at;
    end if;
  end if;
"""
USE_OF_ALLOWANCE = """
  of_month := spent_before + of_allowance;
  -- Most turns are far from the first threshold, also with what others hold.
  if account.allowance > 0 and of_month::bigint * 100 >= in_thresholds[1]::bigint * account.allowance then
    of_month := of_month - coalesce(
      (select sum(granted) from ledger_reservations
       where workspace_id = in_workspace and unit = in_unit and period_start = account.period_start), 0);
    insert into usage_alerts as alert
      (workspace_id, unit, period_start, threshold, allowance, created_at)
      select in_workspace, in_unit, account.period_start, threshold, account.allowance, clock_timestamp()
      from unnest(in_thresholds) threshold
      where of_month::bigint * 100 >= threshold::bigint * account.allowance
      on conflict (workspace_id, unit, period_start, threshold) do update
      set allowance = excluded.allowance, mailed_at = null
      where alert.allowance < excluded.allowance;
    if found then
      insert into billing_deadlines as deadline (workspace_id, due_at)
        values (in_workspace, clock_timestamp())
        on conflict (workspace_id) do update set due_at = excluded.due_at
        where deadline.due_at > excluded.due_at;
    end if;
  end if;
"""


def upgrade() -> None:
    op.execute(SETTLE.format(of_month="of_month int;", note=USE_OF_ALLOWANCE))


def downgrade() -> None:
    op.execute(SETTLE.format(of_month="", note=ALL_USE))
