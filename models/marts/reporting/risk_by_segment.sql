-- one row per segment type (industry, country, referral source) and segment
with

customer_risk as (

    select * from {{ ref('customer_risk') }}

),

risk_by_segment as (

    {% for segment_type in ['industry', 'country', 'referral_source'] -%}
    select
        '{{ segment_type }}' as segment_type,
        coalesce({{ segment_type }}, 'Unknown') as segment,
        {{ risk_profile() | indent(8) }}
    from customer_risk
    group by 1, 2
    {%- if not loop.last %}

    union all

    {% endif %}
    {%- endfor %}

)

select * from risk_by_segment
order by segment_type, segment
