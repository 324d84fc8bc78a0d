-- one row per label, rule set and kind of signals: whether the warnings came true, in one word
with

counts as (

    select * from {{ ref('int_backtest_counts') }}

),

aucs as (

    select * from {{ ref('int_backtest_aucs') }}

),

influences as (

    select * from {{ ref('int_backtest_influences') }}

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
        count(*) as auc_dates,
        {{ decimal_share('sum(auc)', 'count(*)') }} as auc
    from aucs
    group by label, ruleset, signals

),

-- an account counts once, with all of its customers and dates
account_influences as (

    select
        label,
        ruleset,
        signals,
        account_id,
        {{ influence('sum(influence)') }} as influence
    from influences
    group by label, ruleset, signals, account_id

),

margins as (

    select
        label,
        ruleset,
        signals,
        {{ margin_of_error('influence') | indent(8) }} as summed_margin
    from account_influences
    group by label, ruleset, signals

),

mean_aucs as (

    select
        means.label,
        means.ruleset,
        means.signals,
        cast(means.auc as double) as auc,
        margins.summed_margin / means.auc_dates as auc_margin
    from means
    inner join margins
        on means.label = margins.label
        and means.ruleset = margins.ruleset
        and means.signals = margins.signals

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
        {{ rounded_fraction('mean_aucs.auc') }} as auc,
        {{ auc_limit('mean_aucs.auc', 'mean_aucs.auc_margin', '-') | indent(8) }} as auc_low,
        {{ auc_limit('mean_aucs.auc', 'mean_aucs.auc_margin', '+') | indent(8) }} as auc_high,
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
    left join mean_aucs
        on candidates.label = mean_aucs.label
        and candidates.ruleset = mean_aucs.ruleset
        and candidates.signals = mean_aucs.signals

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
