"""The events of a company of any size, as SQL: customers, usage, tickets.

Days are numbers that count from the first day of the history (0). Every random number is a hash of
its purpose, so results do not depend on the order of execution. Customers are numbered in the order
of their start, so later customers come after all others.
"""

# `dice(a, b, purpose)`: at least 0, below 1. Hashed twice: one hash of several values mixes badly.
RANDOM = """
create macro dice(a, b, purpose) as (hash(hash(a, b, purpose, {seed})) >> 11) / 9007199254740992.0
"""

# Two of three subscriptions open a new account; the third belongs to any existing one.
# Starts are spread evenly over the history and the 340 days before it. Customers stay at least 45
# days. Before they leave, 70% of them use less and complain more for some time.
SUBSCRIPTIONS = """
create table subscriptions as
with numbered as (
    select
        number,
        number % 3 <> 2 as opens_account,
        number - number // 3 as opened_account,
        (number // 3) * 2 + 2 as accounts_so_far,
        cast(floor(number * ({days} + 340.0) / {customers}) as integer) - 340 as start_day
    from range(cast(ceil({customers} * ({last_day} + 341.0) / ({days} + 340.0)) as bigint))
        as numbers (number)
),

lives as (
    select
        number,
        start_day,
        case
            when opens_account then opened_account
            else cast(floor(dice(number, 0, 'account') * accounts_so_far) as bigint)
        end as account,
        start_day + 45 + cast(-ln(1 - dice(number, 0, 'life')) * 700 as integer) as end_day,
        dice(number, 0, 'decline') as decline
    from numbered
)

select
    cast(number as integer) as number,
    cast(account as integer) as account,
    row_number() over (partition by account order by number) as ordinal,
    start_day,
    end_day,
    case
        when decline < 0.7 then greatest(end_day - 30 - cast(decline * 120 as integer), start_day)
        else end_day
    end as decline_day,
    exp(2 + 3 * (dice(number, 0, 'base') + dice(number, 1, 'base')) / 2) as base_usage
from lives
order by number;

create table usage (
    recorded_day smallint, day smallint, account integer, ordinal utinyint,
    usage_count integer, error_count utinyint, is_copy boolean, takes_id boolean
);
create table tickets (
    submitted timestamp, closed timestamp, account integer, declining boolean, number ubigint,
    is_copy boolean, takes_id boolean
)
"""

# The interval between a customer's usage rows gives slightly more rows than requested; the oldest
# ones are left out.
SLOT_DAYS = """
select
    sum(greatest(least(end_day, {days}) - greatest(start_day, 0), 0))
    / ({usage_rows} * 1.002 + 3 * sqrt({customers}) + 20)
from subscriptions
where start_day < {days}
"""

# Usage rows that are recorded within the history.
USAGE_ROWS = "select count(*) from usage where recorded_day < {days}"

# One usage row in every slot, at a random time; a few arrive up to six days late.
_USAGE = """
create temp table happening as
with moments as (
    select
        subscriptions.*,
        slot,
        cast(floor((slot + dice(number, slot, 'moment')) * {width}) as integer) as day,
        dice(number, slot, 'late') as late,
        dice(number, slot, 'copy') as copy
    from subscriptions
    cross join range({first}, {end}) as slots (slot)
    where start_day < {end} * {width} and end_day > {first} * {width}
),

states as (
    select
        *,
        day >= decline_day as declining,
        greatest(day - decline_day, 0) as declining_days
    from moments
    where day >= start_day and day < end_day
)

select
    cast(day + case when late < 0.004 then 1 + floor(late * 1500) else 0 end as smallint)
        as recorded_day,
    dice(number, slot, 'place') as place,
    number,
    slot,
    cast(day as smallint) as day,
    account,
    cast(ordinal as utinyint) as ordinal,
    greatest(cast(
        base_usage * exp(-0.02 * declining_days) * (0.6 + 0.8 * dice(number, slot, 'usage'))
        as integer
    ), 1) as usage_count,
    case
        when dice(number, slot, 'error') < case when declining then 0.45 else 0.05 end
            then 1 + cast(floor(dice(number, slot, 'errors') * 3) as utinyint)
        else 0
    end as error_count,
    copy < {fault_share} as has_copy,
    copy > 1 - {fault_share} as takes_id
from states
"""

# A ticket is exported when it is closed, or at once if it stays open, so that no row changes later.
_TICKETS = """
create temp table happening as
with moments as (
    select
        number,
        account,
        period * 4 + chance as slot,
        start_day,
        end_day,
        decline_day,
        (period + dice(number, period * 4 + chance, 'ticket')) * {width} as moment
    from subscriptions
    cross join range({first}, {end}) as periods (period)
    cross join range(4) as chances (chance)
    where start_day < {end} * {width} and end_day > {first} * {width}
        and dice(number, period * 4 + chance, 'complaint')
        < case when decline_day < ({end} * {width}) then 0.6 else 0.03 end
),

submissions as (
    select
        *,
        moment >= decline_day as declining,
        {first_date} + to_days(cast(floor(moment) as integer))
        + to_seconds(cast(28800 + (moment - floor(moment)) * 36000 as bigint)) as submitted,
        dice(number, slot, 'copy') as copy,
        ln(1 / dice(number, slot, 'work')) as work
    from moments
    where moment >= start_day and moment < end_day
        and dice(number, slot, 'complaint') < case when moment >= decline_day then 0.6 else 0.03 end
),

closings as (
    select
        *,
        case
            when dice(number, slot, 'open') >= 0.015 then submitted + to_seconds(
                cast(3600 * least(work * case when declining then 22 else 9 end, 140) as bigint)
            )
        end as closed
    from submissions
)

select
    datediff('day', {first_date}, coalesce(closed, submitted)) as recorded_day,
    extract(hour from coalesce(closed, submitted)) + dice(number, slot, 'place') as place,
    number,
    slot,
    submitted,
    closed,
    account,
    declining,
    copy < {fault_share} as has_copy,
    copy > 1 - {fault_share} as takes_id
from closings
"""

HAPPENS = {"usage": _USAGE, "tickets": _TICKETS}

_RECORDED = """
from (
    from happening
    union all by name
    from waiting_{stream}
) as happened
cross join range(1 + has_copy::int) as copies (copy)
where recorded_day < {{until}}
order by recorded_day, place, number, slot, copy
"""

_WAITING = "create temp table if not exists waiting_{stream} as from happening limit 0;\n"

RECORD = {
    "usage": _WAITING.format(stream="usage")
    + "insert into usage select recorded_day, day, account, ordinal, usage_count, error_count, "
    + "copy = 1, takes_id"
    + _RECORDED.format(stream="usage"),
    "tickets": _WAITING.format(stream="tickets")
    + "insert into tickets select submitted, closed, account, declining, "
    + "hash(number, slot), copy = 1, takes_id"
    + _RECORDED.format(stream="tickets"),
}

KEEP_WAITING = """
create temp table still_waiting as
from (from happening union all by name from waiting_{stream}) as happened
where recorded_day >= {until};
drop table happening;
create or replace temp table waiting_{stream} as from still_waiting;
drop table still_waiting
"""
