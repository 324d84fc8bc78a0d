-- one row per customer whose level changed since the history date a week or more before
{#- What points did between the two dates; they are null where a rule did not fire. #}
{%- set changes = {
    'newly_fired': 'now_scores.{rule}_points is not null and then_scores.{rule}_points is null',
    'worsened': 'now_scores.{rule}_points > then_scores.{rule}_points',
    'eased': 'now_scores.{rule}_points < then_scores.{rule}_points',
    'cleared': 'now_scores.{rule}_points is null and then_scores.{rule}_points is not null',
} %}
with

as_of_dates as (

    select *
    from {{ ref('int_as_of_dates') }}
    where is_current

),

scores as (

    select * from {{ ref('int_customer_scores') }}

),

customers as (

    select * from {{ ref('int_customers') }}

),

movements as (

    select
        now_scores.customer_id,
        now_scores.account_id,
        customers.account_name,
        customers.csm_name,
        customers.plan_tier,
        customers.arr,
        now_scores.is_active,
        then_scores.as_of_date as from_date,
        now_scores.as_of_date as to_date,
        then_scores.risk_level as from_level,
        now_scores.risk_level as to_level,
        case
            when now_scores.risk_level = 'High' or then_scores.risk_level = 'Low' then 'up'
            else 'down'
        end as direction,
        then_scores.risk_score as from_score,
        now_scores.risk_score as to_score,
        {%- for change, condition in changes.items() %}
        {%- set labels = [] %}
        {%- for rule in active_rules() %}
        {%- do labels.append(
            'case when ' ~ condition | replace('{rule}', rule['id'])
            ~ ' then ' ~ sql_text(rule['label']) ~ ' end'
        ) %}
        {%- endfor %}
        {{ first_joined(labels, labels | length, '; ') | indent(8) }} as {{ change }}
        {{- ',' if not loop.last }}
        {%- endfor %}
    from scores as now_scores
    inner join as_of_dates on now_scores.as_of_date = as_of_dates.as_of_date
    inner join scores as then_scores
        on as_of_dates.previous_date = then_scores.as_of_date
        and now_scores.customer_id = then_scores.customer_id
    inner join customers on now_scores.customer_id = customers.customer_id
    where now_scores.risk_level != then_scores.risk_level

)

select * from movements
order by direction desc, to_score desc, arr desc nulls last, customer_id
