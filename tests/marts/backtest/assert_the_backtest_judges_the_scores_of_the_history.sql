-- on dates in both, the backtest scores with all active rules equal the scores of the history
with

both_dates as (

    select as_of_date
    from {{ ref('int_as_of_dates') }}
    where is_history and is_backtest

),

judged as (

    select
        scores.as_of_date,
        scores.customer_id,
        scores.risk_score,
        scores.risk_level
    from {{ ref('int_backtest_scores') }} as scores
    inner join both_dates on scores.as_of_date = both_dates.as_of_date
    where scores.ruleset = '{{ var("risk_ruleset") }}' and scores.signals = 'all rules'

),

shown as (

    select
        history.as_of_date,
        history.customer_id,
        history.risk_score,
        history.risk_level
    from {{ ref('customer_risk_history') }} as history
    inner join both_dates on history.as_of_date = both_dates.as_of_date
    where history.is_active

)

select
    coalesce(judged.as_of_date, shown.as_of_date) as as_of_date,
    coalesce(judged.customer_id, shown.customer_id) as customer_id,
    judged.risk_score as judged_score,
    shown.risk_score as shown_score
from judged
full outer join shown
    on judged.as_of_date = shown.as_of_date
    and judged.customer_id = shown.customer_id
where
    judged.risk_score is distinct from shown.risk_score
    or judged.risk_level is distinct from shown.risk_level
