-- the customers and churners of dates, score bands and rules add up to those of the verdict
with

verdicts as (

    select * from {{ ref('backtest_verdicts') }}

),

dates as (

    select
        label,
        ruleset,
        signals,
        count(*) as dates,
        sum(customers) as customers,
        sum(churners) as churners,
        max(horizon_end) as horizon_end
    from {{ ref('risk_backtest') }}
    group by label, ruleset, signals

),

bands as (

    select
        label,
        ruleset,
        signals,
        sum(customers) as customers,
        sum(churners) as churners
    from {{ ref('risk_calibration') }}
    group by label, ruleset, signals

)

select
    'a verdict: ' || verdicts.label as what,
    verdicts.ruleset || ', ' || verdicts.signals as which
from verdicts
left join dates
    on verdicts.label = dates.label
    and verdicts.ruleset = dates.ruleset
    and verdicts.signals = dates.signals
left join bands
    on verdicts.label = bands.label
    and verdicts.ruleset = bands.ruleset
    and verdicts.signals = bands.signals
cross join {{ ref('int_as_of_dates') }} as as_of_dates
where
    as_of_dates.is_current
    and (
        verdicts.dates != coalesce(dates.dates, 0)
        or verdicts.customers != coalesce(dates.customers, 0)
        or verdicts.churners != coalesce(dates.churners, 0)
        or verdicts.customers != coalesce(bands.customers, 0)
        or verdicts.churners != coalesce(bands.churners, 0)
        or verdicts.churned_customers > verdicts.churners
        or verdicts.auc_low > verdicts.auc_high
        or dates.horizon_end > as_of_dates.as_of_date
    )

union all

select
    'a rule: ' || rules.label as what,
    rules.rule_id as which
from {{ ref('risk_backtest_by_rule') }} as rules
left join verdicts
    on rules.label = verdicts.label
    and rules.ruleset = verdicts.ruleset
    and verdicts.signals = 'all rules'
where
    rules.customers is distinct from verdicts.customers
    or rules.churners is distinct from verdicts.churners
    or rules.customers_fired > rules.customers
    or rules.churners_fired > least(rules.churners, rules.customers_fired)

union all

select
    'a date: ' || label as what,
    ruleset || ', ' || signals || ', ' || cast(as_of_date as string) as which
from {{ ref('risk_backtest') }}
where
    churners > customers
    or customers_high > customers_medium_or_above
    or customers_medium_or_above > customers
    or (auc is null) != (churners in (0, customers))
    or auc_low > auc_high
    or as_of_date != {{ sunday_on_or_before('as_of_date') }}

union all

select
    'headlines' as what,
    cast(count(*) as string) as which
from verdicts
where is_headline
having count(*) != 1
