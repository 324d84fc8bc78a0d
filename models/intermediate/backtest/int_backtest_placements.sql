-- one row per label, rule set, kind of signals, backtest date and score: the AUC of the date, and
-- the influence on it of one churner or one stayer with this score; null without both kinds
with

score_counts as (

    select * from {{ ref('int_backtest_score_counts') }}

),

ranked as (

    select
        label,
        ruleset,
        signals,
        as_of_date,
        risk_score,
        churners,
        customers - churners as stayers,
        sum(churners) over of_date as all_churners,
        sum(customers - churners) over of_date as all_stayers,
        sum(churners) over up_to_score as churners_up_to,
        sum(customers - churners) over up_to_score as stayers_up_to
    from score_counts
    window
        of_date as (partition by label, ruleset, signals, as_of_date),
        up_to_score as (
            partition by label, ruleset, signals, as_of_date
            order by risk_score
        )

),

-- the share of all pairs of a churner and a stayer in which the churner scores higher; ties count
-- half
aucs as (

    select
        label,
        ruleset,
        signals,
        as_of_date,
        {{ exact_ratio(
            'sum(churners * (2 * stayers_up_to - stayers))',
            '2 * sum(churners) * sum(stayers)'
        ) | indent(8) }} as auc
    from ranked
    group by label, ruleset, signals, as_of_date

),

-- the share of the stayers that a churner with this score outranks, and the share of the churners
-- that outrank a stayer with it
placements as (

    select
        *,
        (
            cast(2 * stayers_up_to - stayers as double) / nullif(2 * all_stayers, 0)
        ) as churner_placement,
        (
            cast(2 * (all_churners - churners_up_to) + churners as double)
            / nullif(2 * all_churners, 0)
        ) as stayer_placement
    from ranked

),

influences as (

    select
        placements.label,
        placements.ruleset,
        placements.signals,
        placements.as_of_date,
        placements.risk_score,
        aucs.auc,
        {{ influence(
            '(placements.churner_placement - aucs.auc) / nullif(placements.all_churners, 0)'
        ) }} as churner_influence,
        {{ influence(
            '(placements.stayer_placement - aucs.auc) / nullif(placements.all_stayers, 0)'
        ) }} as stayer_influence
    from placements
    inner join aucs
        on placements.label = aucs.label
        and placements.ruleset = aucs.ruleset
        and placements.signals = aucs.signals
        and placements.as_of_date = aucs.as_of_date

)

select * from influences
