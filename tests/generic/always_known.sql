{# None of these columns is ever null: one query for a whole model. #}
{% test always_known(model, columns) %}
select {{ columns | join(', ') }}
from {{ model }}
where {{ columns | join(' is null or ') }} is null
{% endtest %}
