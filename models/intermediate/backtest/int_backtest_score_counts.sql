-- one row per label, rule set, kind of signals, backtest date and score: customers and churners
with

scores as (

    select * from {{ ref('int_backtest_scores') }}

),

score_counts as (

    {% for label, column in churn_labels().items() -%}
    select
        '{{ label }}' as label,
        ruleset,
        signals,
        as_of_date,
        risk_score,
        risk_level,
        count(*) as customers,
        count({{ column }}) as churners
    from scores
    group by ruleset, signals, as_of_date, risk_score, risk_level
    {%- if not loop.last %}

    union all

    {% endif %}
    {%- endfor %}

)

select * from score_counts
