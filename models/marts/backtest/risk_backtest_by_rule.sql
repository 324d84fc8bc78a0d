-- one row per label and rule of the active rule set that scores: whether the rule earns its points
with

rules as (

    select * from {{ ref('risk_rules') }}

),

rule_counts as (

    select * from {{ ref('int_backtest_rule_counts') }}

),

weights as (

    select * from {{ ref('int_bootstrap_weights') }}

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
        rule_counts.label,
        rule_counts.rule_id,
        cast(sum(rule_counts.customers) as bigint) as customers,
        cast(sum(rule_counts.churners) as bigint) as churners,
        cast(sum(rule_counts.customers_fired) as bigint) as customers_fired,
        cast(sum(rule_counts.churners_fired) as bigint) as churners_fired,
        {{ each_replicate(decimal_share(
            'sum(rule_counts.churners_fired * weights.weight_{n}) * sum(rule_counts.customers * weights.weight_{n})',
            'sum(rule_counts.customers_fired * weights.weight_{n}) * sum(rule_counts.churners * weights.weight_{n})'
        ), 'lift_{n}') | indent(4) }}
    from rule_counts
    inner join weights on rule_counts.account_id = weights.account_id
    group by rule_counts.label, rule_counts.rule_id

),

intervals as (

    select
        label,
        rule_id,
        customers,
        churners,
        customers_fired,
        churners_fired,
        {{ sorted_replicates('lift_{n}') }} as lift_replicates
    from sums

),

judged as (

    select
        candidates.label,
        candidates.ruleset,
        candidates.rule_id,
        candidates.driver_label,
        candidates.is_dated,
        candidates.most_points,
        coalesce(intervals.customers, 0) as customers,
        coalesce(intervals.churners, 0) as churners,
        coalesce(intervals.customers_fired, 0) as customers_fired,
        coalesce(intervals.churners_fired, 0) as churners_fired,
        {{ share('intervals.churners_fired', 'intervals.customers_fired') }} as churn_rate_fired,
        {{ share(
            'intervals.churners - intervals.churners_fired',
            'intervals.customers - intervals.customers_fired'
        ) }} as churn_rate_not_fired,
        {{ decimal_share(
            'intervals.churners_fired * intervals.customers',
            'intervals.customers_fired * intervals.churners'
        ) }} as lift,
        {{ proper_interval_low('intervals.lift_replicates') | indent(8) }} as lift_low,
        {{ proper_interval_high('intervals.lift_replicates') | indent(8) }} as lift_high
    from candidates
    left join intervals
        on candidates.label = intervals.label
        and candidates.rule_id = intervals.rule_id

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
