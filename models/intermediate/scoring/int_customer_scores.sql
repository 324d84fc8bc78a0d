-- one row per as-of date and customer: the score, its reasons and the recommended actions
{%- set reasons = [] %}
{%- set groups = [] %}
{%- for rule in active_rules() %}
{%- do reasons.append(rule_reason(rule)) %}
{%- do groups.append(rule_action_group(rule)) %}
{%- endfor %}
{%- set rules_of_usage = rules_with_evidence('usage') %}
{%- set about_customer = ['account_id', 'is_active', 'churned', 'signal_coverage'] %}
{%- set scored_columns = about_customer + risk_signals() | list %}
with

as_of_dates as (

    select *
    from {{ ref('int_as_of_dates') }}
    where is_history or is_published

),

customer_signals as (

    select * from {{ ref('int_customer_signals') }}

),

actions as (

    select * from {{ ref('recommended_actions') }}

),

signals as (

    select customer_signals.*
    from customer_signals
    inner join as_of_dates on customer_signals.as_of_date = as_of_dates.as_of_date

),

-- points are null when the rule did not fire
rule_points as (

    select
        {%- for rule in active_rules() %}
        {{ rule_points(rule) | indent(4) }} as {{ rule['id'] }}_points,
        {%- endfor %}
        signals.*
    from signals

),

totals as (

    select
        *,
        cast(
            0
            {%- for points in points_columns() %}
            + coalesce({{ points }}, 0)
            {%- endfor %}
            as int
        ) as uncapped_score,
        cast(
            0
            {%- for points in points_columns(from_rows_only=true) %}
            + coalesce({{ points }}, 0)
            {%- endfor %}
            as int
        ) as dated_points,
        -- in rule order
        {{ first_joined(reasons, 3, '; ') | indent(8) }} as top_reasons,
        ',' || coalesce({{ first_joined(groups, groups | length, ',') | indent(8) }}, 'none') || ','
            as action_groups
    from rule_points

),

-- there are few distinct sets of groups, so actions are chosen per set, not per customer
group_sets as (

    select action_groups
    from totals
    group by action_groups

),

ranked_actions as (

    select
        group_sets.action_groups,
        actions.action,
        row_number() over (
            partition by group_sets.action_groups
            order by actions.group_order, actions.action_order
        ) as action_rank
    from group_sets
    -- fan-out: every action of the groups in the set
    inner join actions
        on position(',' || actions.action_group || ',' in group_sets.action_groups) > 0

),

recommendations as (

    select
        action_groups,
        {{ joined_in_order('action', 'action_rank', '; ') }} as recommended_actions
    from ranked_actions
    where action_rank <= 3
    group by action_groups

),

scored as (

    select
        *,
        least(uncapped_score, 100) as risk_score
    from totals

),

-- reasons and action groups of single rules are not stored; `int_rule_evaluations` computes them
customer_scores as (

    select
        scored.as_of_date,
        scored.customer_id,
        {%- for column in scored_columns %}
        scored.{{ column }},
        {%- endfor %}
        {%- for points in points_columns() %}
        scored.{{ points }},
        {%- endfor %}
        scored.uncapped_score,
        scored.dated_points,
        scored.risk_score,
        {{ risk_level('scored.risk_score') | indent(4) }} as risk_level,
        scored.top_reasons,
        scored.action_groups,
        recommendations.recommended_actions,
        -- how well the data supports the rules that ask for usage evidence; it never changes the
        -- score
        {% if rules_of_usage -%}
        case
            when {{ rules_of_usage | join('_points is null and ') }}_points is null then null
            when scored.tenure_days < {{ both_windows_days() }} then 'incomplete window'
            when scored.usage_rows_60d < {{ var('min_usage_rows') }} then 'thin'
            else 'strong'
        end
        {%- else -%}
        cast(null as string)
        {%- endif %} as usage_evidence,
        '{{ var("risk_ruleset") }}' as ruleset
    from scored
    left join recommendations on scored.action_groups = recommendations.action_groups

)

select * from customer_scores
