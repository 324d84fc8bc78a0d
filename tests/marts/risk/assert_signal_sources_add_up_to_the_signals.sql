-- the source rows behind each signal of every customer add up to the signal that was scored
{%- set signals = [
    'usage_30d', 'usage_prev30d', 'errors_30d', 'tickets_30d', 'escalations_30d',
    'satisfaction_score', 'churn_intent_30d',
] %}
with

signals as (

    {% for signal in signals -%}
    select
        customer_id,
        '{{ signal }}' as signal_name,
        cast({{ signal }} as bigint) as signal_value
    from {{ ref('customer_risk') }}
    {%- if not loop.last %}
    union all
    {% endif %}
    {%- endfor %}

)

select
    coalesce(signals.customer_id, signal_sources.customer_id) as customer_id,
    coalesce(signals.signal_name, signal_sources.signal_name) as signal_name,
    signals.signal_value,
    signal_sources.total
from signals
full outer join {{ ref('signal_sources') }} as signal_sources
    on signals.customer_id = signal_sources.customer_id
    and signals.signal_name = signal_sources.signal_name
where
    signals.customer_id is null
    or signal_sources.customer_id is null
    or signals.signal_value is distinct from signal_sources.total
    -- all rows are within their window and have a date
    or (signal_sources.row_count = 0) is distinct from (signal_sources.first_date is null)
    or signal_sources.first_date < signal_sources.window_start
    or signal_sources.last_date > signal_sources.window_end
