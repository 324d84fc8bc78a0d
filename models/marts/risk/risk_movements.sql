-- one row per customer whose level changed since the latest history date at least a week earlier
{#- The labels of the rules whose points changed. Points are null when a rule did not fire. #}
{%- set labels = {'newly_fired': [], 'worsened': [], 'eased': [], 'cleared': []} %}
{%- for rule in active_rules() %}
{%- set points_now = 'now_scores.' ~ rule['id'] ~ '_points' %}
{%- set points_then = 'then_scores.' ~ rule['id'] ~ '_points' %}
{%- for change, condition in {
    'newly_fired': points_now ~ ' is not null and ' ~ points_then ~ ' is null',
    'worsened': points_now ~ ' > ' ~ points_then,
    'eased': points_now ~ ' < ' ~ points_then,
    'cleared': points_now ~ ' is null and ' ~ points_then ~ ' is not null',
}.items() %}
{%- do labels[change].append(
    'case when ' ~ condition ~ ' then ' ~ sql_text(rule['label']) ~ ' end'
) %}
{%- endfor %}
{%- endfor %}
{%- set rules = active_rules() | length %}
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
        {{ first_joined(labels['newly_fired'], rules, '; ') | indent(8) }} as newly_fired,
        {{ first_joined(labels['worsened'], rules, '; ') | indent(8) }} as worsened,
        {{ first_joined(labels['eased'], rules, '; ') | indent(8) }} as eased,
        {{ first_joined(labels['cleared'], rules, '; ') | indent(8) }} as cleared
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
