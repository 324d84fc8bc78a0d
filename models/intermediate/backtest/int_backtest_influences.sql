-- one row per label, rule set, kind of signals, backtest date with an AUC, and account: what the
-- customers of the account add to the AUC
with

scores as (

    select * from {{ ref('int_backtest_scores') }}

),

placements as (

    select *
    from {{ ref('int_backtest_placements') }}
    where auc is not null

),

influences as (

    {% for label, column in churn_labels().items() -%}
    select
        placements.label,
        placements.ruleset,
        placements.signals,
        placements.as_of_date,
        scores.account_id,
        cast(sum(
            case
                when scores.{{ column }} is not null then placements.churner_influence
                else placements.stayer_influence
            end
        ) as decimal(18, 15)) as influence
    from scores
    inner join placements
        on placements.label = '{{ label }}'
        and scores.ruleset = placements.ruleset
        and scores.signals = placements.signals
        and scores.as_of_date = placements.as_of_date
        and scores.risk_score = placements.risk_score
    group by
        placements.label,
        placements.ruleset,
        placements.signals,
        placements.as_of_date,
        scores.account_id
    {%- if not loop.last %}

    union all

    {% endif %}
    {%- endfor %}

)

select * from influences
