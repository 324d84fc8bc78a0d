-- one row per label, rule of the active rule set and account: customers and churners over all
-- backtest dates, in total and where the rule fired
with

signals as (

    select * from {{ ref('int_customer_signals') }}

),

outcomes as (

    select * from {{ ref('int_backtest_outcomes') }}

),

judged as (

    select
        signals.*,
        outcomes.ended_on,
        outcomes.account_churned_on
    from signals
    inner join outcomes
        on signals.as_of_date = outcomes.as_of_date
        and signals.customer_id = outcomes.customer_id

),

fired as (

    select
        account_id,
        {%- for rule in active_rules() %}
        {{ rule_points(rule) | indent(8) }} is not null as {{ rule['id'] }}_fired,
        {%- endfor %}
        ended_on,
        account_churned_on
    from judged

),

rule_counts as (

    {% for label, column in churn_labels().items() -%}
    {%- for rule in active_rules() -%}
    select
        '{{ label }}' as label,
        '{{ rule['id'] }}' as rule_id,
        account_id,
        count(*) as customers,
        count({{ column }}) as churners,
        count(*) filter (where {{ rule['id'] }}_fired) as customers_fired,
        count({{ column }}) filter (where {{ rule['id'] }}_fired) as churners_fired
    from fired
    group by account_id
    union all
    {% endfor -%}
    {%- endfor -%}
    select
        cast(null as string) as label,
        cast(null as string) as rule_id,
        cast(null as string) as account_id,
        cast(null as bigint) as customers,
        cast(null as bigint) as churners,
        cast(null as bigint) as customers_fired,
        cast(null as bigint) as churners_fired
    where false

)

select * from rule_counts
