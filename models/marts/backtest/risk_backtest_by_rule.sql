-- one row per label and active rule: whether the rule earns its points
with

rules as (

    select * from {{ ref('risk_rules') }}

),

rule_counts as (

    select * from {{ ref('int_backtest_rule_counts') }}

),

labels as (

    {% for label in churn_labels() -%}
    select '{{ label }}' as label
    {{ 'union all' if not loop.last }}
    {% endfor %}
),

candidates as (

    select
        labels.label,
        rules.ruleset,
        rules.rule_id,
        rules.rule_order,
        rules.driver_label,
        rules.is_dated,
        max(rules.points) as most_points
    from labels
    cross join rules
    where rules.is_enabled
    group by
        labels.label,
        rules.ruleset,
        rules.rule_id,
        rules.rule_order,
        rules.driver_label,
        rules.is_dated

),

sums as (

    select
        label,
        rule_id,
        cast(sum(customers) as bigint) as customers,
        cast(sum(churners) as bigint) as churners,
        cast(sum(customers_fired) as bigint) as customers_fired,
        cast(sum(churners_fired) as bigint) as churners_fired,
        (
            cast(sum(churners_fired) as double) * sum(customers)
            / nullif(cast(sum(customers_fired) as double) * sum(churners), 0)
        ) as lift
    from rule_counts
    group by label, rule_id

),

-- the influence of an account on the logarithm of the lift, which is a sum of four logarithms
influences as (

    select
        rule_counts.label,
        rule_counts.rule_id,
        rule_counts.customers_fired > 0 as has_fired,
        {{ influence(
            'cast(rule_counts.churners_fired as double) / nullif(sums.churners_fired, 0)'
            ~ ' - cast(rule_counts.customers_fired as double) / nullif(sums.customers_fired, 0)'
            ~ ' - cast(rule_counts.churners as double) / nullif(sums.churners, 0)'
            ~ ' + cast(rule_counts.customers as double) / nullif(sums.customers, 0)'
        ) }} as influence
    from rule_counts
    inner join sums
        on rule_counts.label = sums.label
        and rule_counts.rule_id = sums.rule_id

),

margins as (

    select
        label,
        rule_id,
        -- an interval of zero width means that there are too few accounts to tell
        nullif({{ margin_of_error(
            'influence', accounts='count(*) filter (where has_fired)'
        ) | indent(8) }}, 0) as log_margin
    from influences
    group by label, rule_id

),

judged as (

    select
        candidates.label,
        candidates.ruleset,
        candidates.rule_id,
        candidates.driver_label,
        candidates.is_dated,
        candidates.most_points,
        coalesce(sums.customers, 0) as customers,
        coalesce(sums.churners, 0) as churners,
        coalesce(sums.customers_fired, 0) as customers_fired,
        coalesce(sums.churners_fired, 0) as churners_fired,
        {{ share('sums.churners_fired', 'sums.customers_fired') }} as churn_rate_fired,
        {{ share(
            'sums.churners - sums.churners_fired', 'sums.customers - sums.customers_fired'
        ) }} as churn_rate_not_fired,
        {{ rounded_fraction('sums.lift') }} as lift,
        {{ rounded_fraction('sums.lift / exp(margins.log_margin)') }} as lift_low,
        {{ rounded_fraction('sums.lift * exp(margins.log_margin)') }} as lift_high
    from candidates
    left join sums
        on candidates.label = sums.label
        and candidates.rule_id = sums.rule_id
    left join margins
        on candidates.label = margins.label
        and candidates.rule_id = margins.rule_id

),

risk_backtest_by_rule as (

    select
        *,
        case
            when customers_fired = 0 then 'never fired'
            when lift is null then 'nobody left'
            when lift_low is null then 'too few accounts'
            when lift_low > 1 then 'earns them'
            when lift_high < 1 then 'inverse'
            else 'no evidence'
        end as rule_verdict
    from judged

)

select * from risk_backtest_by_rule
order by label desc, lift desc nulls last, rule_id
