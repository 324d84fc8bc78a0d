-- ranks and priorities count 1, 2, 3, ... without a gap
{%- set ranks = [
    ('at_risk_customers', 'risk_rank'),
    ('at_risk_customers', 'contact_priority'),
    ('at_risk_accounts', 'contact_priority'),
] %}
{% for model, column in ranks %}
select
    '{{ model }}.{{ column }}' as ranking,
    count({{ column }}) as ranked,
    max({{ column }}) as last_rank
from {{ ref(model) }}
having count({{ column }}) != coalesce(max({{ column }}), 0)
{{ 'union all' if not loop.last }}
{% endfor %}
