-- one row per label, rule set, kind of signals, backtest date and churner: how long the churner had
-- been flagged
with

scores as (

    select * from {{ ref('int_backtest_scores') }}

),

churners as (

    {% for label, column in churn_labels().items() -%}
    select
        '{{ label }}' as label,
        ruleset,
        signals,
        as_of_date,
        customer_id,
        account_id,
        {{ column }} as churned_on,
        case when risk_level in ('High', 'Medium') then as_of_date end as flagged_on
    from scores
    where {{ column }} is not null
    {%- if not loop.last %}

    union all

    {% endif %}
    {%- endfor %}

),

-- only dates whose horizon includes the churn: an older flag that was cleared is not a warning
warnings as (

    select
        label,
        ruleset,
        signals,
        as_of_date,
        customer_id,
        account_id,
        churned_on,
        min(flagged_on) over (
            partition by label, ruleset, signals, customer_id, churned_on
            order by as_of_date
        ) as first_flagged_on
    from churners

),

lead_times as (

    select
        *,
        {{ days_between('first_flagged_on', 'churned_on') }} as lead_days
    from warnings

)

select * from lead_times
