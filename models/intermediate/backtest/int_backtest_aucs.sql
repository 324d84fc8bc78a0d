-- one row per label, rule set, kind of signals and backtest date with churners and stayers: the AUC
-- and its margin of error
with

placements as (

    select *
    from {{ ref('int_backtest_placements') }}
    where auc is not null

),

influences as (

    select * from {{ ref('int_backtest_influences') }}

),

margins as (

    select
        label,
        ruleset,
        signals,
        as_of_date,
        -- rounded, so that it is the same on every engine
        cast({{ margin_of_error('influence') | indent(8) }} as decimal(18, 12)) as auc_margin
    from influences
    group by label, ruleset, signals, as_of_date

),

dates as (

    select
        label,
        ruleset,
        signals,
        as_of_date,
        max(auc) as auc
    from placements
    group by label, ruleset, signals, as_of_date

),

aucs as (

    select
        dates.*,
        margins.auc_margin
    from dates
    inner join margins
        on dates.label = margins.label
        and dates.ruleset = margins.ruleset
        and dates.signals = margins.signals
        and dates.as_of_date = margins.as_of_date

)

select * from aucs
