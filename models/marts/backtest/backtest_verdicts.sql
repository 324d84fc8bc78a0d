-- one row per label, rule set and kind of signals: whether the warnings came true, as a verdict
{#-
    With fewer churned customers or accounts there is no verdict, whatever the AUC, because an
    account counts as one observation. The limits are fixed, so that verdicts cannot be tuned.
#}
{%- set least_churned_customers = 30 %}
{%- set least_churned_accounts = 10 %}
{%- set horizon = var('backtest_horizon_days') %}
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

-- for each churn, the longest lead over all dates
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

-- each date has the same weight: pooling the scores would mix the base rates of the dates
means as (

    select
        label,
        ruleset,
        signals,
        count(*) as auc_dates,
        cast(sum(auc) as double) / count(*) as auc
    from aucs
    group by label, ruleset, signals

),

-- an account counts once, with all its customers and dates
account_influences as (

    select
        label,
        ruleset,
        signals,
        account_id,
        cast(sum(influence) as decimal(18, 15)) as influence
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
        means.auc,
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
        case
            when churned_customers < {{ least_churned_customers }} then 'not enough churners'
            when churned_accounts < {{ least_churned_accounts }} then 'not enough churners'
            when auc_low > 0.5 and auc >= 0.55 then 'predictive'
            when auc_high < 0.5 and auc <= 0.45 then 'inverse'
            else 'no evidence'
        end as verdict,
        cast(cast(auc * 100 as decimal(18, 0)) as string) || '%' as auc_text,
        cast(cast(auc_low * 100 as decimal(18, 0)) as string) || '%' as auc_low_text,
        cast(cast(auc_high * 100 as decimal(18, 0)) as string) || '%' as auc_high_text
    from pooled

),

backtest_verdicts as (

    select
        label,
        ruleset,
        signals,
        verdict,
        case
            when dates = 0 and {{ var('backtest_weeks') }} = 0
                then 'Not judged: the backtest is switched off (backtest_weeks is 0).'
            when dates = 0
                then 'Not judged: the data does not reach back far enough to look'
                    || ' {{ horizon }} days ahead.'
            when verdict = 'not enough churners'
                then 'Not judged: only ' || cast(churned_customers as string)
                    || case churned_customers when 1 then ' customer' else ' customers' end
                    || ' of ' || cast(churned_accounts as string)
                    || case churned_accounts when 1 then ' account' else ' accounts' end
                    || ' left within {{ horizon }} days of a date that can be judged;'
                    || ' {{ least_churned_customers }} customers of {{ least_churned_accounts }}'
                    || ' accounts are needed.'
            when auc is null
                then 'Not judged: on every date, all of the customers left, or none.'
            when auc_low is null
                then 'No evidence: no date that can be judged has customers of two accounts.'
            else
                case
                    when verdict = 'predictive'
                        then 'The warnings came true more often than chance: '
                    when verdict = 'inverse' then 'The warnings pointed the wrong way: '
                    when auc_low > 0.5 or auc_high < 0.5
                        then 'No evidence of use, the difference is too small: '
                    else 'No evidence that the warnings mean anything on this data: '
                end
                || 'of a customer that left within {{ horizon }} days and one that stayed,'
                || ' the score put the one that left first ' || auc_text
                || ' of the time, a tie counting half (95% interval ' || auc_low_text
                || ' to ' || auc_high_text || '; a coin: 50%).'
        end as verdict_text,
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
