{# None of these columns is ever null. One query covers the whole model. #}
{% test always_known(model, columns) %}
select {{ columns | join(', ') }}
from {{ model }}
where {{ columns | join(' is null or ') }} is null
{% endtest %}
