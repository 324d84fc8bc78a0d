-- one row per label, rule set, kind of signals and backtest date: the AUC, as counted and in every
-- bootstrap replicate; null without both churners and stayers
with

score_counts as (

    select * from {{ ref('int_backtest_score_counts') }}

),

-- customers that stay, at a lower score
ranked as (

    select
        label,
        ruleset,
        signals,
        as_of_date,
        customers,
        churners,
        customers - churners as stayers,
        sum(customers - churners) over lower_scores - (customers - churners) as stayers_below,
        {{ each_replicate('customers_{n} - churners_{n}', 'stayers_{n}') | indent(4) }},
        {{ each_replicate(
            'sum(customers_{n} - churners_{n}) over lower_scores - (customers_{n} - churners_{n})',
            'stayers_below_{n}'
        ) | indent(4) }},
        {{ each_replicate('churners_{n}', 'churners_{n}') | indent(4) }}
    from score_counts
    window
        lower_scores as (
            partition by label, ruleset, signals, as_of_date
            order by risk_score
        )

),

-- of all pairs of a churner and a stayer, the share in which the churner scores higher; ties are
-- half
aucs as (

    select
        label,
        ruleset,
        signals,
        as_of_date,
        {{ area_under_curve('churners', 'stayers', 'stayers_below') | indent(8) }} as auc,
        {{ each_replicate(
            area_under_curve('churners_{n}', 'stayers_{n}', 'stayers_below_{n}'), 'auc_{n}'
        ) | indent(4) }}
    from ranked
    group by label, ruleset, signals, as_of_date

)

select * from aucs
