"""Reads everything about one customer at one date; it selects from the marts, computes nothing."""

from collections.abc import Sequence
from datetime import date
from typing import NamedTuple

from churn.terminal import plain
from churn.terminal.errors import InputError
from churn.warehouse import Row, Warehouse

# the models read below, so that a temporary build makes nothing else
MODELS = (
    "+customer_risk",
    "+customer_risk_history",
    "+risk_rule_evaluations",
    "+signal_sources",
    "+restated_scores",
    "+published_scores",
    "+feed_freshness",
    "+source_columns",
    "+ticket_insights",
    "risk_rule_firings",
    "risk_rules",
    "risk_levels",
    "risk_signals",
)

# the date defaults to the last build's
_STANDING = """
    with

    dates as (

        select
            as_of_date,
            coalesce($at, as_of_date) as day,
            cast(as_of_date - coalesce($at, as_of_date) as int) as days_back,
            (select min(usage_date) from staging.stg_saas__feature_usage) as first_usage_date,
            (select max(usage_date) from staging.stg_saas__feature_usage) as last_usage_date,
        from intermediate.int_as_of_dates
        where is_current

    ),

    prior_window as (

        select window_end
        from marts.signal_sources
        where customer_id = $id and signal_name = 'usage_prev30d'

    ),

    customers as (

        select
            customers.customer_id,
            customers.start_date,
            dates.*,
            greatest(dates.as_of_date, dates.last_usage_date) as last_date,
            prior_window.window_end - dates.days_back as prior_window_end,
            dates.first_usage_date + cast(dates.as_of_date - prior_window.window_end as int)
                as first_day
        from intermediate.int_customers as customers
        cross join dates
        left join prior_window on true
        where customers.customer_id = $id

    )

    select
        customers.as_of_date,
        customers.day,
        case
            when customers.day > customers.last_date
                then 'The data ends on ' || customers.last_date || ': nothing is known of '
                    || customers.day || ' yet.'
            when customers.start_date > customers.day
                then customers.customer_id || ' starts on ' || customers.start_date
                    || ': it has no score on ' || customers.day || '.'
            when customers.days_back > 0 and customers.prior_window_end < customers.first_usage_date
                then 'Usage is known from ' || customers.first_usage_date || ' on: on '
                    || customers.day || ' there was too little to compare. Ask for '
                    || customers.first_day || ' or later.'
        end || coalesce(
            ' People were shown ' || published.risk_score || ' points then, '
            || published.risk_level || '.', ''
        ) as why_not
    from customers
    left join marts.published_scores as published
        on customers.customer_id = published.customer_id
        and customers.day = published.as_of_date
"""

# ids that are in the data but are not customers
_UNUSED = """
    select 'belongs to account ' || account_id || ', which accounts does not have' as why
    from staging.stg_saas__subscriptions
    where subscription_id = $id
    union all
    select
        'was rejected, because of ' || rejected.column_name
        || coalesce(' ' || rejected.raw_value, '') || ': ' || kinds.meaning as why
    from quality.rejected_rows as rejected
    inner join config.issue_kinds as kinds on rejected.reason = kinds.issue
    where rejected.table_name = 'subscriptions' and rejected.row_ref = $id
"""

_CUSTOMER = """
    select
        risk.*,
        coalesce(risk.account_name, risk.account_id) as account,
        dates.previous_date,
        (
            select sum(points) from marts.risk_rule_firings as firings
            where firings.customer_id = risk.customer_id
        ) as uncapped_score
    from marts.customer_risk as risk
    inner join intermediate.int_as_of_dates as dates on risk.usage_window_end = dates.as_of_date
    where risk.customer_id = $id
"""

_LEVELS = "select risk_level, level_from from marts.risk_levels order by level_from desc"

# the band that fired, else the next one, else (unknown value, or a range) the mildest
_RULES = """
    select
        evaluations.*,
        bands.driver_label,
        bands.is_dated,
        bands.signal_unit,
        bands.band_operator,
        bands.band_condition,
        bands.threshold as band_threshold,
        bands.points as band_points,
        next_bands.band_operator as next_operator,
        case
            when evaluations.fired and bands.evidence = 'usage' then risk.usage_evidence
        end as usage_evidence,
        risk.usage_rows_60d
    from marts.risk_rule_evaluations as evaluations
    inner join marts.customer_risk as risk using (customer_id)
    inner join marts.risk_rules as bands on evaluations.rule_id = bands.rule_id
    left join marts.risk_rules as next_bands
        on evaluations.rule_id = next_bands.rule_id
        and evaluations.next_threshold = next_bands.threshold
    where customer_id = $id
    qualify
        row_number() over (
            partition by evaluations.rule_id
            order by
                bands.threshold = coalesce(evaluations.threshold, evaluations.next_threshold) desc
                    nulls last,
                bands.band_order desc
        ) = 1
    order by evaluations.rule_order
"""

_DISABLED = """
    select distinct on (rule_order) driver_label from marts.risk_rules
    where not is_enabled
    order by rule_order
"""

_HISTORY = """
    select as_of_date, risk_score, risk_level, is_active
    from marts.customer_risk_history
    where customer_id = $id
    order by as_of_date
"""

_SOURCES = """
    select sources.*, signals.signal_label, signals.signal_unit
    from marts.signal_sources as sources
    inner join marts.risk_signals as signals using (signal_name)
    where customer_id = $id
    order by signal_order
"""

_PUBLISHED = """
    select
        published.*,
        dates.is_published as is_by_these_rules,
        restated.difference
    from marts.published_scores as published
    inner join intermediate.int_as_of_dates as dates using (as_of_date)
    left join quality.restated_scores as restated using (as_of_date, customer_id)
    where as_of_date = $day and customer_id = $id
"""

_MESSAGES_READ = """
    select count(*) > 0 as any_read from marts.ticket_insights where error is null and is_scored
"""

_VERDICT_WARNINGS = """
    select warning from quality.data_warnings where about = 'backtest_verdicts'
"""
_FEED_WARNINGS = """
    select warning from quality.feed_freshness where warning is not null order by table_name
"""


class Standing(NamedTuple):
    """Whether a customer has a score at a date.

    `as_of_date` is the last build's, and `day` is the requested date. `why_not` is a sentence if
    there is no score, else None.
    """

    as_of_date: date
    day: date
    why_not: str | None

    @property
    def is_last_build(self) -> bool:
        """Whether the requested date is the last build's."""
        return self.day == self.as_of_date

    @property
    def is_scored(self) -> bool:
        """Whether there is a score to explain."""
        return self.why_not is None


class Explanation(NamedTuple):
    """How the score of one customer at one date arises, as rows of the marts.

    `published` is None if no score of that date was published.
    """

    warnings: list[str]
    customer: Row
    levels: list[Row]
    rules: list[Row]
    switched_off: list[str]
    history: list[Row]
    sources: list[Row]
    published: Row | None
    messages_were_read: bool


def standing(warehouse: Warehouse, customer_id: str, at: date | None) -> Standing | None:
    """Check whether the customer has a score at a date, by default the last build's.

    Returns None if there is no such customer. Raises InputError if the data holds the id but it can
    never have a score.
    """
    rows = warehouse.select(_STANDING, id=customer_id, at=at)
    if rows:
        return Standing(**rows[0])
    for row in warehouse.select(_UNUSED, id=customer_id):
        raise InputError(f"{plain(customer_id)} has no score: it {plain(row['why'])}.")
    return None


def verdict_warnings(warehouse: Warehouse) -> list[str]:
    """A warning if the rules do not predict churn on this data; it holds for every date."""
    return [row["warning"] for row in warehouse.select(_VERDICT_WARNINGS)]


def feed_warnings(warehouse: Warehouse) -> list[str]:
    """Problems of the feeds at the as-of date."""
    return [row["warning"] for row in warehouse.select(_FEED_WARNINGS)]


def read(warehouse: Warehouse, customer_id: str, day: date, warnings: Sequence[str]) -> Explanation:
    """Read the explanation of a customer that has a score at this warehouse's as-of date.

    `warnings` are printed above it.
    """
    published = warehouse.select(_PUBLISHED, id=customer_id, day=day)
    return Explanation(
        warnings=list(warnings),
        customer=warehouse.one(_CUSTOMER, id=customer_id),
        levels=warehouse.select(_LEVELS),
        rules=warehouse.select(_RULES, id=customer_id),
        switched_off=[row["driver_label"] for row in warehouse.select(_DISABLED)],
        history=warehouse.select(_HISTORY, id=customer_id),
        sources=warehouse.select(_SOURCES, id=customer_id),
        published=published[0] if published else None,
        messages_were_read=warehouse.select(_MESSAGES_READ)[0]["any_read"],
    )
