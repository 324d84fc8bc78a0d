{#
    A value for a text with placeholders, made safe: on one line, and without braces that could be
    filled in.
#}
{% macro filled_in(text) -%}
    replace(replace({{ one_line(text) }}, '{', '('), '}', ')')
{%- endmacro %}

{#
    Escapes text from outside for Slack: mentions, links and commands become plain text. A
    zero-width character follows each @. This is a macro because one message has six such texts.
#}
{% macro slack_text(text) -%}
    replace(
        replace(replace(replace({{ one_line(text) }}, '&', '&amp;'), '<', '&lt;'), '>', '&gt;'),
        '@', '@{{ "\u200b" }}'
    )
{%- endmacro %}

{# The placeholders allowed in the texts of the editable seeds: column -> placeholders. #}
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
    Post-hook for an editable seed: stops the build when a text has an unknown placeholder. `keys`
    are the columns that identify a row in the message.
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
    Post-hook for an editable seed: stops the build when the seed lacks a row for one of the names
    that every build looks up in the column.
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

{#
    The groups that need an action: every group of a rule, and `none` for customers without a group.
#}
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
    Post-hook for the seed `playbook_steps`: stops the build when a rule names a playbook without
    steps. Otherwise the customer would silently get the general plan.
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
