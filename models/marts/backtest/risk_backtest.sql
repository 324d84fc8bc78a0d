-- one row per label, rule set, kind of signals and backtest date
with

counts as (

    select * from {{ ref('int_backtest_counts') }}

),

aucs as (

    select * from {{ ref('int_backtest_aucs') }}

),

warnings as (

    select * from {{ ref('int_backtest_warnings') }}

),

lead_times as (

    select
        label,
        ruleset,
        signals,
        as_of_date,
        {{ median_of('lead_days') }} as median_lead_days
    from warnings
    group by label, ruleset, signals, as_of_date

),

risk_backtest as (

    select
        counts.label,
        counts.ruleset,
        counts.signals,
        counts.as_of_date,
        counts.as_of_date + {{ var('backtest_horizon_days') }} as horizon_end,
        counts.customers,
        counts.churners,
        counts.customers_high,
        counts.customers_medium_or_above,
        {{ published_ratio('aucs.auc') }} as auc,
        {{ auc_limit('cast(aucs.auc as double)', 'aucs.auc_margin', '-') | indent(8) }} as auc_low,
        {{ auc_limit('cast(aucs.auc as double)', 'aucs.auc_margin', '+') | indent(8) }} as auc_high,
        {{ hit_rates() | indent(8) }},
        lead_times.median_lead_days
    from counts
    left join aucs
        on counts.label = aucs.label
        and counts.ruleset = aucs.ruleset
        and counts.signals = aucs.signals
        and counts.as_of_date = aucs.as_of_date
    left join lead_times
        on counts.label = lead_times.label
        and counts.ruleset = lead_times.ruleset
        and counts.signals = lead_times.signals
        and counts.as_of_date = lead_times.as_of_date

)

select * from risk_backtest
order by label, ruleset, signals, as_of_date
