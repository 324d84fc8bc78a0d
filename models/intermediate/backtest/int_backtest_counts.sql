-- one row per label, rule set, kind of signals and backtest date: how many customers were flagged
-- and how many left
with

score_counts as (

    select
        label,
        ruleset,
        signals,
        as_of_date,
        risk_score,
        risk_level,
        customers,
        churners
    from {{ ref('int_backtest_score_counts') }}

),

ranked as (

    select
        *,
        sum(customers) over (partition by label, ruleset, signals, as_of_date) as all_customers,
        sum(customers) over (
            partition by label, ruleset, signals, as_of_date
            order by risk_score desc
        ) - customers as customers_above
    from score_counts

),

-- in tenths of a customer: how many places of the top decile each score takes
deciles as (

    select
        *,
        greatest(0, least(10 * customers, all_customers - 10 * customers_above)) as top_tenths
    from ranked

),

counts as (

    select
        label,
        ruleset,
        signals,
        as_of_date,
        cast(sum(customers) as bigint) as customers,
        cast(sum(churners) as bigint) as churners,
        {%- for group, condition in flagged_groups().items() %}
        {%- for who in ['customers', 'churners'] %}
        cast(
            sum(case when {{ condition }} then {{ who }} else 0 end) as bigint
        ) as {{ who }}_{{ group }},
        {%- endfor %}
        {%- endfor %}
        -- customers with the same score share the places in proportion
        cast(sum(customers) * 0.1 as decimal(18, 6)) as customers_top_decile,
        cast(
            sum({{ exact_ratio('churners * top_tenths', '10 * customers') }}) as decimal(18, 6)
        ) as churners_top_decile
    from deciles
    group by label, ruleset, signals, as_of_date

)

select * from counts
