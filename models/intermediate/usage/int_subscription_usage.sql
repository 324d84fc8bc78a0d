-- one row per subscription with usage: from when to when
{{ config(
    materialized=grown_table(),
    incremental_strategy='delete+insert',
    unique_key='subscription_id',
) }}
with

daily_usage as (

    select * from {{ ref('int_daily_usage') }}

),

spans as (

    select
        subscription_id,
        min(usage_date) as first_usage_date,
        max(usage_date) as last_usage_date,
        max(build_number) as build_number
    from daily_usage
    {%- if is_incremental() %}
    where build_number > {{ last_build_in(ref('int_daily_usage')) }}
    {%- endif %}
    group by subscription_id

),

subscription_usage as (

    select
        spans.subscription_id,
        {%- if is_incremental() %}
        -- days are only added: a span can only become longer
        least(spans.first_usage_date, built.first_usage_date) as first_usage_date,
        greatest(spans.last_usage_date, built.last_usage_date) as last_usage_date,
        {%- else %}
        spans.first_usage_date,
        spans.last_usage_date,
        {%- endif %}
        spans.build_number,
        {{ fingerprint() }}
    from spans
    {%- if is_incremental() %}
    left join {{ this }} as built on spans.subscription_id = built.subscription_id
    {%- endif %}

)

select * from subscription_usage
