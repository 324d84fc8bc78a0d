-- ARR at risk is the same figure in every mart
with

figures as (

    select
        'executive_summary' as shown_in,
        arr_at_risk
    from {{ ref('executive_summary') }}
    union all
    select
        'at_risk_accounts' as shown_in,
        coalesce(sum(arr_at_risk), 0) as arr_at_risk
    from {{ ref('at_risk_accounts') }}
    union all
    select
        'risk_by_plan_tier' as shown_in,
        coalesce(sum(arr_at_risk), 0) as arr_at_risk
    from {{ ref('risk_by_plan_tier') }}
    {%- for segment_type in ['industry', 'country', 'referral_source'] %}
    union all
    select
        'risk_by_segment: {{ segment_type }}' as shown_in,
        coalesce(sum(arr_at_risk), 0) as arr_at_risk
    from {{ ref('risk_by_segment') }}
    where segment_type = '{{ segment_type }}'
    {%- endfor %}

),

expected as (

    select coalesce(sum(arr), 0) as arr_at_risk
    from {{ ref('customer_risk') }}
    where is_active and risk_level in ('High', 'Medium')

)

select
    figures.*,
    expected.arr_at_risk as expected_arr_at_risk
from figures
inner join expected on figures.arr_at_risk != expected.arr_at_risk
