-- one row per customer at the as-of date and rule of the active rule set: the signal value and the
-- result; a view, because it follows from the scores and readers filter to one customer or to the
-- rules that fired
{{ config(materialized='view') }}
with

as_of_dates as (

    select *
    from {{ ref('int_as_of_dates') }}
    where is_current

),

customer_scores as (

    select * from {{ ref('int_customer_scores') }}

),

scores as (

    select customer_scores.*
    from customer_scores
    inner join as_of_dates on customer_scores.as_of_date = as_of_dates.as_of_date

),

evaluations as (

    {% for rule in active_rules() -%}
    select
        customer_id,
        '{{ rule['id'] }}' as rule_id,
        {{ loop.index }} as rule_order,
        '{{ rule['signal'] }}' as signal_name,
        {{ published_ratio(signal_number(rule)) }} as signal_value,
        {{ rule['id'] }}_points is not null as fired,
        {{ published_ratio(rule_threshold(rule) | indent(8)) }} as threshold,
        coalesce({{ rule['id'] }}_points, 0) as points,
        {{ rule_reason(rule) | indent(8) }} as reason,
        coalesce({{ rule_action_group(rule) | indent(8) }}, {{ rule_playbook(rule) }}) as playbook,
        {{ sql_text(rule['label']) }} as label,
        {{ sql_text(rule.get('customer_phrase', '')) }} as customer_phrase,
        {{ published_ratio(rule_next_band(rule, 'gap') | indent(8)) }} as gap_to_next_band,
        {{ published_ratio(rule_next_band(rule, 'threshold') | indent(8)) }} as next_threshold,
        cast({{ rule_next_band(rule, 'points') | indent(8) }} as int) as next_points
    from scores
    {% if not loop.last %}
    union all

    {% endif %}
    {%- else -%}
    select
        customer_id,
        cast(null as string) as rule_id,
        cast(null as int) as rule_order,
        cast(null as string) as signal_name,
        cast(null as decimal(18, 6)) as signal_value,
        cast(null as boolean) as fired,
        cast(null as decimal(18, 6)) as threshold,
        cast(null as int) as points,
        cast(null as string) as reason,
        cast(null as string) as playbook,
        cast(null as string) as label,
        cast(null as string) as customer_phrase,
        cast(null as decimal(18, 6)) as gap_to_next_band,
        cast(null as decimal(18, 6)) as next_threshold,
        cast(null as int) as next_points
    from scores
    -- no rule is enabled
    where false
    {%- endfor %}

)

select * from evaluations
