-- one row per label, rule set, kind of signals, backtest date and score: customers and churners,
-- as counted and in every bootstrap replicate
with

scores as (

    select * from {{ ref('int_backtest_scores') }}

),

weights as (

    select * from {{ ref('int_bootstrap_weights') }}

),

outcome_counts as (

    select
        scores.ruleset,
        scores.signals,
        scores.as_of_date,
        scores.risk_score,
        scores.risk_level,
        {%- for label, column in churn_labels().items() %}
        scores.{{ column }} is not null as {{ label }},
        {%- endfor %}
        count(*) as customers,
        {{ each_replicate('cast(sum(weights.weight_{n}) as bigint)', 'customers_{n}') | indent(4) }}
    from scores
    inner join weights on scores.account_id = weights.account_id
    group by
        {%- for label in churn_labels() %}
        {{ label }},
        {%- endfor %}
        scores.ruleset,
        scores.signals,
        scores.as_of_date,
        scores.risk_score,
        scores.risk_level

),

score_counts as (

    {% for label in churn_labels() -%}
    select
        '{{ label }}' as label,
        ruleset,
        signals,
        as_of_date,
        risk_score,
        risk_level,
        cast(sum(customers) as bigint) as customers,
        cast(sum(case when {{ label }} then customers else 0 end) as bigint) as churners,
        {{ each_replicate('cast(sum(customers_{n}) as bigint)', 'customers_{n}') | indent(4) }},
        {{ each_replicate(
            'cast(sum(case when ' ~ label ~ ' then customers_{n} else 0 end) as bigint)',
            'churners_{n}'
        ) | indent(4) }}
    from outcome_counts
    group by ruleset, signals, as_of_date, risk_score, risk_level
    {%- if not loop.last %}

    union all

    {% endif %}
    {%- endfor %}

)

select * from score_counts
