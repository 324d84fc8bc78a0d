-- one row per label, rule set, kind of signals and score band: how many customers of the band left
with

scores as (

    select
        *,
        least(cast(floor(risk_score / 10.0) as int), 9) as band
    from {{ ref('int_backtest_scores') }}

),

account_counts as (

    {% for label, column in churn_labels().items() -%}
    select
        '{{ label }}' as label,
        ruleset,
        signals,
        band,
        account_id,
        count(*) as customers,
        count({{ column }}) as churners
    from scores
    group by ruleset, signals, band, account_id
    {%- if not loop.last %}

    union all

    {% endif %}
    {%- endfor %}

),

sums as (

    select
        label,
        ruleset,
        signals,
        band,
        cast(sum(customers) as bigint) as customers,
        cast(sum(churners) as bigint) as churners
    from account_counts
    group by label, ruleset, signals, band

),

-- the influence of an account on the churn rate of the band
influences as (

    select
        sums.label,
        sums.ruleset,
        sums.signals,
        sums.band,
        sums.customers,
        sums.churners,
        {{ influence(
            '(account_counts.churners - account_counts.customers'
            ~ ' * (cast(sums.churners as double) / sums.customers)) / sums.customers'
        ) }} as influence
    from account_counts
    inner join sums
        on account_counts.label = sums.label
        and account_counts.ruleset = sums.ruleset
        and account_counts.signals = sums.signals
        and account_counts.band = sums.band

),

bands as (

    select
        label,
        ruleset,
        signals,
        10 * band as score_from,
        case when band = 9 then 100 else 10 * band + 9 end as score_to,
        customers,
        churners,
        cast(churners as double) / customers as churn_rate,
        -- an interval of zero width means that there are too few accounts to tell
        nullif({{ margin_of_error('influence') | indent(8) }}, 0) as rate_margin
    from influences
    group by label, ruleset, signals, band, customers, churners

),

risk_calibration as (

    select
        label,
        ruleset,
        signals,
        cast(score_from as string) || '–' || cast(score_to as string) as score_band,
        score_from,
        score_to,
        customers,
        churners,
        {{ share('churners', 'customers') }} as churn_rate,
        {{ logit_limit('churn_rate', 'rate_margin', '-') | indent(8) }} as churn_rate_low,
        {{ logit_limit('churn_rate', 'rate_margin', '+') | indent(8) }} as churn_rate_high,
        {{ is_headline('label', 'ruleset', 'signals') | indent(8) }} as is_headline
    from bands

)

select * from risk_calibration
order by label desc, ruleset desc, signals desc, score_from
