-- one row per label, rule set, kind of signals and score band: how many of the band left
with

score_counts as (

    select
        *,
        least(cast(floor(risk_score / 10.0) as int), 9) as band
    from {{ ref('int_backtest_score_counts') }}

),

sums as (

    select
        label,
        ruleset,
        signals,
        10 * band as score_from,
        case when band = 9 then 100 else 10 * band + 9 end as score_to,
        cast(sum(customers) as bigint) as customers,
        cast(sum(churners) as bigint) as churners,
        {{ each_replicate(
            share('sum(churners_{n})', 'sum(customers_{n})'), 'rate_{n}'
        ) | indent(4) }}
    from score_counts
    group by label, ruleset, signals, band

),

intervals as (

    select
        label,
        ruleset,
        signals,
        score_from,
        score_to,
        customers,
        churners,
        {{ sorted_replicates('rate_{n}') }} as rate_replicates
    from sums

),

risk_calibration as (

    select
        label,
        ruleset,
        signals,
        cast(score_from as string) || '–' || cast(score_to as string) as score_band,
        score_from,
        score_to,
        customers,
        churners,
        {{ share('churners', 'customers') }} as churn_rate,
        {{ proper_interval_low('rate_replicates') | indent(8) }} as churn_rate_low,
        {{ proper_interval_high('rate_replicates') | indent(8) }} as churn_rate_high,
        {{ is_headline('label', 'ruleset', 'signals') | indent(8) }} as is_headline
    from intervals

)

select * from risk_calibration
order by label desc, ruleset desc, signals desc, score_from
