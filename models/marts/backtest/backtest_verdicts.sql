-- one row per label, rule set and kind of signals: whether the warnings came true, in one word
with

counts as (

    select * from {{ ref('int_backtest_counts') }}

),

aucs as (

    select * from {{ ref('int_backtest_aucs') }}

),

warnings as (

    select * from {{ ref('int_backtest_warnings') }}

),

candidates as (

    {% for label in churn_labels() -%}
    {%- for ruleset_name in var('risk_rulesets') -%}
    {%- for signals in backtest_signals() -%}
    select
        '{{ label }}' as label,
        '{{ ruleset_name }}' as ruleset,
        '{{ signals }}' as signals
    union all
    {% endfor -%}
    {%- endfor -%}
    {%- endfor -%}
    select
        cast(null as string) as label,
        cast(null as string) as ruleset,
        cast(null as string) as signals
    where false

),

sums as (

    select
        label,
        ruleset,
        signals,
        min(as_of_date) as first_date,
        max(as_of_date) as last_date,
        count(*) as dates,
        {%- for group in flagged_groups() %}
        cast(sum(customers_{{ group }}) as bigint) as customers_{{ group }},
        cast(sum(churners_{{ group }}) as bigint) as churners_{{ group }},
        {%- endfor %}
        sum(customers_top_decile) as customers_top_decile,
        sum(churners_top_decile) as churners_top_decile,
        cast(sum(customers) as bigint) as customers,
        cast(sum(churners) as bigint) as churners
    from counts
    group by label, ruleset, signals

),

-- of each churn the longest lead that any date had
churns as (

    select
        label,
        ruleset,
        signals,
        customer_id,
        account_id,
        max(lead_days) as lead_days
    from warnings
    group by label, ruleset, signals, customer_id, account_id, churned_on

),

churned as (

    select
        label,
        ruleset,
        signals,
        count(distinct customer_id) as churned_customers,
        count(distinct account_id) as churned_accounts,
        {{ median_of('lead_days') }} as median_lead_days
    from churns
    group by label, ruleset, signals

),

-- dates weigh the same: pooled scores would mix the dates' base rates
means as (

    select
        label,
        ruleset,
        signals,
        {{ decimal_share('sum(auc)', 'count(auc)') }} as auc,
        {{ each_replicate(decimal_share('sum(auc_{n})', 'count(auc_{n})'), 'auc_{n}') | indent(4) }}
    from aucs
    group by label, ruleset, signals

),

intervals as (

    select
        label,
        ruleset,
        signals,
        auc,
        {{ sorted_replicates('auc_{n}') }} as auc_replicates
    from means

),

pooled as (

    select
        candidates.label,
        candidates.ruleset,
        candidates.signals,
        sums.first_date,
        sums.last_date,
        coalesce(sums.dates, 0) as dates,
        coalesce(sums.customers, 0) as customers,
        coalesce(sums.churners, 0) as churners,
        coalesce(churned.churned_customers, 0) as churned_customers,
        coalesce(churned.churned_accounts, 0) as churned_accounts,
        {{ published_ratio('intervals.auc') }} as auc,
        {{ published_ratio(interval_low('intervals.auc_replicates')) }} as auc_low,
        {{ published_ratio(interval_high('intervals.auc_replicates')) }} as auc_high,
        {%- for group in flagged_groups() | list + ['top_decile'] %}
        sums.customers_{{ group }},
        sums.churners_{{ group }},
        {%- endfor %}
        churned.median_lead_days
    from candidates
    left join sums
        on candidates.label = sums.label
        and candidates.ruleset = sums.ruleset
        and candidates.signals = sums.signals
    left join churned
        on candidates.label = churned.label
        and candidates.ruleset = churned.ruleset
        and candidates.signals = churned.signals
    left join intervals
        on candidates.label = intervals.label
        and candidates.ruleset = intervals.ruleset
        and candidates.signals = intervals.signals

),

judged as (

    select
        *,
        {{ hit_rates() | indent(8) }},
        {{ verdict() | indent(8) }} as verdict
    from pooled

),

backtest_verdicts as (

    select
        label,
        ruleset,
        signals,
        verdict,
        {{ verdict_in_words() | indent(8) }} as verdict_text,
        {{ is_headline('label', 'ruleset', 'signals') | indent(8) }} as is_headline,
        first_date,
        last_date,
        dates,
        customers,
        churners,
        churned_customers,
        churned_accounts,
        auc,
        auc_low,
        auc_high,
        base_rate,
        {%- for group in flagged_groups() | list + ['top_decile'] %}
        precision_{{ group }},
        recall_{{ group }},
        lift_{{ group }},
        {%- endfor %}
        median_lead_days
    from judged

)

select * from backtest_verdicts
order by is_headline desc, label desc, ruleset desc, signals desc
