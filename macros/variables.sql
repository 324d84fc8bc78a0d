{#
    Validates the variables of dbt_project.yml before anything is built. A wrong value stops the
    build with a message that gives the variable, the value and the allowed values. The macros in
    rulesets.sql validate the rule sets.
#}

{# The whole-number variables, with their minimum and maximum. #}
{% macro whole_number_variables() %}
    {{ return({
        'min_usage_rows': [0, none],
        'late_arrival_days': [0, 1000],
        'history_weeks': [1, 1000],
        'backtest_horizon_days': [1, 1000],
        'backtest_weeks': [0, 1000],
        'renewal_notice_days': [0, 1000],
        'contact_pause_days': [0, 1000],
        'playbook_most_steps': [3, 100],
        'report_customer_pages': [0, none],
    }) }}
{% endmacro %}

{# The value of a variable that must be valid for the project to parse at all. #}
{% macro checked_var(name) %}
    {%- do check_configuration() -%}
    {{ return(var(name)) }}
{% endmacro %}

{% macro check_variables() %}
    {%- for name in invocation_args_dict.get('vars', {}) if name not in known_variables() -%}
        {%- do configuration_error(
            '--vars names ' ~ shown(name) ~ '; there are: ' ~ known_variables() | join(', ')
        ) -%}
    {%- endfor -%}
    {%- for name in variables_of_one_value() if variable_fault(name, var(name)) -%}
        {%- do configuration_error(variable_fault(name, var(name))) -%}
    {%- endfor -%}
{% endmacro %}

{# All variables of dbt_project.yml. dbt ignores unknown ones, for example misspelt names. #}
{% macro known_variables() %}
    {{ return(variables_of_one_value() + ['risk_ruleset', 'disabled_risk_rules', 'risk_rulesets']) }}
{% endmacro %}

{# The variables that can be validated independently of each other. #}
{% macro variables_of_one_value() %}
    {{ return(
        whole_number_variables() | list
        + ['playbook_start_days', 'as_of_date', 'enrichment_engine', 'risk_action_groups', 'saas_tables']
    ) }}
{% endmacro %}

{# The fault in the value of a variable, as a sentence with both; '' when there is none. #}
{% macro variable_fault(name, value) %}
    {%- set limits = whole_number_variables() -%}
    {%- if name in limits -%}
        {%- set wanted = whole_number_fault(value, *limits[name]) -%}
    {%- elif name == 'playbook_start_days' -%}
        {%- set wanted = start_days_fault(value) -%}
    {%- elif name == 'as_of_date' -%}
        {%- set wanted = date_fault(value) -%}
    {%- elif name == 'enrichment_engine' -%}
        {%- set wanted = '' if value in enrichment_engines() else 'one of: ' ~ enrichment_engines() | join(', ') -%}
    {%- elif name == 'risk_action_groups' -%}
        {%- set wanted = '' if is_list(value) and value | select('string') | list == value | list
            else 'a list of names' -%}
    {%- elif name == 'saas_tables' -%}
        {%- set wanted = tables_fault(value) -%}
    {%- endif -%}
    {{ return(name ~ ' must be ' ~ wanted ~ ', not ' ~ shown(value) if wanted else '') }}
{% endmacro %}

{% macro whole_number_fault(value, at_least, at_most) %}
    {%- set is_fine = value is integer and value >= at_least and (at_most is none or value <= at_most) -%}
    {%- set limit = ' to ' ~ at_most if at_most is not none else '' -%}
    {{ return('' if is_fine else 'a whole number from ' ~ at_least ~ limit) }}
{% endmacro %}

{% macro start_days_fault(value) %}
    {%- set is_fine = value is mapping and value | map('string') | sort == ['high', 'medium', 'renewal'] -%}
    {%- set wrong = [] -%}
    {%- for days in (value.values() if is_fine else []) if whole_number_fault(days, 0, 1000) -%}
        {%- do wrong.append(days) -%}
    {%- endfor -%}
    {{ return('' if is_fine and not wrong
        else 'whole numbers from 0 to 1000 for high, medium and renewal') }}
{% endmacro %}

{#
    The allowed years leave room for the weeks of history before a date and for due dates after it.
#}
{% macro date_fault(value) %}
    {%- set text = value | string | trim -%}
    {%- if not text or value is none -%}{{ return('') }}{%- endif -%}
    {%- if not modules.re.match('^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$', text) -%}
        {{ return('a date such as 2026-01-31') }}
    {%- endif -%}
    {%- set year, month, day = text.split('-') | map('int') -%}
    {%- set leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0) -%}
    {%- if day > [31, 29 if leap else 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][month - 1] -%}
        {{ return('a date that exists') }}
    {%- endif -%}
    {{ return('' if first_year() <= year <= last_year() else 'a date ' ~ years_allowed()) }}
{% endmacro %}

{#
    Checks `saas_tables`. The tables and columns are fixed; users only change which columns are
    required.
#}
{% macro tables_fault(value) %}
    {%- if value is not mapping or value | length == 0 -%}
        {{ return('a mapping from tables to their columns') }}
    {%- endif -%}
    {%- for name, table in value.items() -%}
        {%- if table is not mapping or table.get('required') is not mapping or table.get('optional') is not mapping -%}
            {{ return("a mapping in which each table, '" ~ name ~ "' too, has the mappings required and optional") }}
        {%- endif -%}
        {%- if (table.get('grows') is true) != (name in ['feature_usage', 'support_tickets']) -%}
            {{ return("a mapping in which feature_usage and support_tickets have grows: true, and no other table; see '" ~ name ~ "'") }}
        {%- endif -%}
        {%- for column, type in table['required'].items() | list + table['optional'].items() | list -%}
            {%- if type not in value_types() -%}
                {{ return('a mapping in which the type of ' ~ name ~ '.' ~ column ~ ' is one of '
                    ~ value_types() | join(', ')) }}
            {%- endif -%}
        {%- endfor -%}
    {%- endfor -%}
    {{ return('') }}
{% endmacro %}

{# The range of years allowed for the as-of date. #}
{% macro first_year() %}{{ return(1900) }}{% endmacro %}
{% macro last_year() %}{{ return(2900) }}{% endmacro %}
{% macro years_allowed() %}
    {{ return('between the years ' ~ first_year() ~ ' and ' ~ last_year()) }}
{% endmacro %}

{% macro is_list(value) %}
    {{ return(value is iterable and value is not string and value is not mapping) }}
{% endmacro %}

{#
    The unknown placeholders in a text. Nothing would fill them in, so people would read the braces.
#}
{% macro unknown_placeholders(text, known) %}
    {{ return(modules.re.findall('[{][^{}]*[}]', text or '') | reject('in', in_braces(known)) | list) }}
{% endmacro %}

{# Placeholder names with their braces. #}
{% macro in_braces(names) %}
    {%- set found = [] -%}
    {%- for name in names -%}{%- do found.append('{' ~ name ~ '}') -%}{%- endfor -%}
    {{ return(found) }}
{% endmacro %}

{# A value formatted for a message: text in quotes, and long text shortened. #}
{% macro shown(value) %}
    {%- if value is none -%}{{ return('empty') }}{%- endif -%}
    {%- set text = value | string -%}
    {%- set text = text[:99] ~ '…' if text | length > 100 else text -%}
    {{ return("'" ~ text ~ "'" if value is string else text) }}
{% endmacro %}
