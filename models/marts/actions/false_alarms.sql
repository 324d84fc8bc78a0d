-- one row per active rule: how often people marked its at-risk customers as not a risk
with

as_of_dates as (

    select *
    from {{ ref('int_as_of_dates') }}
    where is_history

),

customer_scores as (

    select * from {{ ref('int_customer_scores') }}

),

denials as (

    select *
    from {{ ref('int_customer_outcomes') }}
    where is_current and kind = 'not_a_risk'

),

at_risk as (

    select customer_scores.*
    from customer_scores
    inner join as_of_dates on customer_scores.as_of_date = as_of_dates.as_of_date
    where customer_scores.is_active and customer_scores.risk_level != 'Low'

),

-- the history date whose scores people saw before they marked the customer
denied_dates as (

    select
        at_risk.customer_id,
        max(at_risk.as_of_date) as as_of_date
    from at_risk
    inner join denials
        on at_risk.customer_id = denials.customer_id
        and at_risk.as_of_date <= denials.occurred_on
    group by at_risk.customer_id

),

firings as (

    {% for rule in active_rules() -%}
    select
        '{{ rule['id'] }}' as rule_id,
        {{ sql_text(rule['label']) }} as label,
        {{ loop.index }} as rule_order,
        at_risk.customer_id,
        at_risk.as_of_date,
        {{ rule['id'] }}_points is not null as fired
    from at_risk
    {% if not loop.last %}
    union all

    {% endif %}
    {%- else -%}
    select
        cast(null as string) as rule_id,
        cast(null as string) as label,
        cast(null as int) as rule_order,
        at_risk.customer_id,
        at_risk.as_of_date,
        cast(null as boolean) as fired
    from at_risk
    -- no rule is enabled
    where false
    {%- endfor %}

),

false_alarms as (

    select
        firings.rule_id,
        firings.label,
        firings.rule_order,
        count(distinct case when firings.fired then firings.customer_id end) as flagged_customers,
        count(
            distinct case when firings.fired then denied_dates.customer_id end
        ) as false_alarms,
        {{ share(
            'count(distinct case when firings.fired then denied_dates.customer_id end)',
            'count(distinct case when firings.fired then firings.customer_id end)'
        ) }} as false_alarm_share
    from firings
    left join denied_dates
        on firings.customer_id = denied_dates.customer_id
        and firings.as_of_date = denied_dates.as_of_date
    group by firings.rule_id, firings.label, firings.rule_order

)

select * from false_alarms
order by rule_order
