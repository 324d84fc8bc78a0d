{# A value that stands in a text with placeholders: one line, and no placeholder itself. #}
{% macro filled_in(text) -%}
    replace(replace({{ one_line(text) }}, '{', '('), '}', ')')
{%- endmacro %}

{#
    Text of others as Slack wants it: mentions, links and commands become plain text. A character
    without width follows each @. A macro because one message has six such texts.
#}
{% macro slack_text(text) -%}
    replace(
        replace(replace(replace({{ one_line(text) }}, '&', '&amp;'), '<', '&lt;'), '>', '&gt;'),
        '@', '@{{ "\u200b" }}'
    )
{%- endmacro %}

{# What may stand in braces in the texts of the seeds that people edit: column -> placeholders. #}
{% macro seed_placeholders(seed) %}
    {{ return({
        'recommended_actions': {'action': []},
        'playbook_steps': {'step': [], 'customer_offer': []},
        'outreach_templates': {
            'subject': ['account_name'],
            'email_body': ['account_name', 'customer_phrase', 'plan', 'offers', 'sender'],
        },
    }[seed]) }}
{% endmacro %}

{#
    For after a seed that people edit is there: stops the build where a text has a placeholder that
    nothing fills in. `keys` are the columns that name a row.
#}
{% macro check_seed_texts(seed, keys) %}
    {%- if not execute -%}{{ return('') }}{%- endif -%}
    {%- set texts = seed_placeholders(seed.identifier) -%}
    {%- set query = 'select ' ~ (keys + texts | list) | join(', ') ~ ' from ' ~ seed -%}
    {%- for row in run_query(query ~ ' order by ' ~ keys | join(', ')).rows -%}
        {%- for column, known in texts.items() -%}
            {%- for placeholder in unknown_placeholders(row[column], known) -%}
                {%- set which = [] -%}
                {%- for key in keys -%}{%- do which.append(key ~ ' ' ~ row[key]) -%}{%- endfor -%}
                {{ return('select ' ~ stop_build(sql_text(
                    'Configuration: seeds/playbooks/' ~ seed.identifier ~ '.csv, ' ~ which | join(', ')
                    ~ ': the ' ~ column ~ ' has an unknown placeholder ' ~ placeholder ~ '; '
                    ~ ('there are: ' ~ in_braces(known) | join(', ') if known
                        else 'nothing is filled in there')
                ))) }}
            {%- endfor -%}
        {%- endfor -%}
    {%- endfor -%}
    {{ return('') }}
{% endmacro %}

{#
    For after a seed that people edit is there: stops the build where it has no row for one of the
    names that every build looks up in its column.
#}
{% macro check_seed_has(seed, column, names) %}
    {%- if not execute -%}{{ return('') }}{%- endif -%}
    {%- set known = run_query('select distinct ' ~ column ~ ' from ' ~ seed).columns[0].values() -%}
    {%- for name in names if name not in known -%}
        {{ return('select ' ~ stop_build(sql_text(
            'Configuration: seeds/playbooks/' ~ seed.identifier ~ '.csv has no row with the ' ~ column
            ~ ' ' ~ name ~ ', which is needed'
        ))) }}
    {%- endfor -%}
    {{ return('') }}
{% endmacro %}

{# The groups that need an action: each group of a rule, and `none` for customers without one. #}
{% macro needed_action_groups() %}
    {%- set groups = {'none': true} -%}
    {%- for rule in ruleset()['rules'] -%}
        {%- for band in rule['bands'] if band_action_group(rule, band) -%}
            {%- do groups.update({band_action_group(rule, band): true}) -%}
        {%- endfor -%}
    {%- endfor -%}
    {{ return(groups | list) }}
{% endmacro %}

{#
    For after the seed `playbook_steps` is there: stops the build where a rule names a playbook that
    has no step, which would otherwise get the general plan.
#}
{% macro check_named_playbooks(steps) %}
    {%- if not execute -%}{{ return('') }}{%- endif -%}
    {%- set known = run_query('select distinct playbook from ' ~ steps ~ ' order by playbook').columns[0].values() -%}
    {%- for name, ruleset in var('risk_rulesets').items() -%}
        {%- for rule in ruleset['rules'] if 'playbook' in rule and rule['playbook'] not in known -%}
            {{ return('select ' ~ stop_build(sql_text(
                "Configuration: rule set '" ~ name ~ "', rule '" ~ rule['id']
                ~ "' names an unknown playbook '" ~ rule['playbook']
                ~ "'; in seeds/playbooks/playbook_steps.csv there are: " ~ known | join(', ')
            ))) }}
        {%- endfor -%}
    {%- endfor -%}
    {{ return('') }}
{% endmacro %}
