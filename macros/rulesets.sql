{#
    Reads and validates the scoring configuration (`vars: risk_rulesets` in dbt_project.yml) before
    anything is built. A mistake stops the build with a message that names it.
#}

{#
    Validates the configuration once while dbt parses and once before it builds. All models of one
    dbt invocation share the graph, so it remembers that the check has run. A unit test sets its own
    variables and has no graph.
#}
{% macro check_configuration() %}
    {%- if not graph.get('churn_is_checked') and (not execute or graph.get('nodes')) -%}
        {%- do validate_risk_configuration() -%}
        {%- do graph.update({'churn_is_checked': true}) -%}
    {%- endif -%}
{% endmacro %}

{# The configured rule set with that name; by default, the active one. #}
{% macro ruleset(name=none) %}
    {%- do check_configuration() -%}
    {{ return(var('risk_rulesets')[name or var('risk_ruleset')]) }}
{% endmacro %}

{# The active rules: those of the rule set that are not disabled, in order. #}
{% macro active_rules(name=none) %}
    {{ return(ruleset(name)['rules'] | rejectattr('id', 'in', var('disabled_risk_rules')) | list) }}
{% endmacro %}

{# The kinds of evidence that a rule may ask for, with the signals that support each. #}
{% macro kinds_of_evidence() %}
    {%- set usage = [] -%}
    {%- for name, signal in risk_signals().items() if signal['source'] == 'feature_usage' -%}
        {%- do usage.append(name) -%}
    {%- endfor -%}
    {{ return({'usage': usage}) }}
{% endmacro %}

{# The ids of the active rules that ask for this kind of evidence. #}
{% macro rules_with_evidence(kind) %}
    {{ return(active_rules() | selectattr('evidence', 'defined') | selectattr('evidence', 'equalto', kind)
        | map(attribute='id') | list) }}
{% endmacro %}

{# The placeholders allowed in a reason. #}
{% macro reason_placeholders() %}
    {{ return(['value', 'percent']) }}
{% endmacro %}

{#
    A fingerprint that is equal for equal scoring rules. It shows whether two scores are comparable.
#}
{% macro configuration_fingerprint() %}
    {%- set rules = [] -%}
    {%- for rule in active_rules() -%}
        {%- do rules.append(dict(rule.items() | rejectattr(0, 'in', ['customer_phrase', 'playbook', 'evidence']))) -%}
    {%- endfor -%}
    {%- set scoring = {'levels': ruleset()['levels'], 'rules': rules} -%}
    {{ return(local_md5(tojson(scoring, sort_keys=true))) }}
{% endmacro %}

{# The action group of a band: its own, otherwise the rule's, otherwise none. #}
{% macro band_action_group(rule, band) %}
    {{ return(band.get('action_group', rule.get('action_group'))) }}
{% endmacro %}

{# The operator of a band: at_least, at_most, equals or between. #}
{% macro band_operator(band) %}
    {{ return((['at_least', 'at_most', 'equals', 'between'] | select('in', band) | list)[0]) }}
{% endmacro %}

{# The engines that can read tickets. #}
{% macro enrichment_engines() %}
    {{ return(['ollama']) }}
{% endmacro %}

{% macro configuration_error(message) %}
    {%- do exceptions.raise_compiler_error('Configuration: ' ~ message) -%}
{% endmacro %}

{% macro validate_risk_configuration() %}
    {%- set rulesets = var('risk_rulesets') -%}
    {%- if rulesets is not mapping or not rulesets -%}
        {%- do configuration_error('risk_rulesets must map names to rule sets') -%}
    {%- endif -%}
    {#- checked first, because rule sets refer to action groups -#}
    {%- do check_variables() -%}
    {%- set known_rules = [] -%}
    {%- for name, ruleset in rulesets.items() -%}
        {%- do validate_ruleset(name, ruleset) -%}
        {%- do known_rules.extend(ruleset['rules'] | map(attribute='id')) -%}
    {%- endfor -%}
    {%- if var('risk_ruleset') is not string or var('risk_ruleset') not in rulesets -%}
        {%- do configuration_error(
            "there is no rule set '" ~ var('risk_ruleset') ~ "'; there are: " ~ rulesets | join(', ')
        ) -%}
    {%- endif -%}
    {%- set disabled = var('disabled_risk_rules') -%}
    {%- if not is_list(disabled) -%}
        {%- do configuration_error('disabled_risk_rules must be a list of rule ids, not ' ~ shown(disabled)) -%}
    {%- endif -%}
    {%- for rule_id in disabled if rule_id not in known_rules -%}
        {%- do configuration_error(
            "disabled_risk_rules names '" ~ rule_id ~ "'; there are: " ~ known_rules | unique | join(', ')
        ) -%}
    {%- endfor -%}
{% endmacro %}

{% macro validate_ruleset(name, ruleset) %}
    {%- set here = "rule set '" ~ name ~ "'" -%}
    {%- if name is not string or not modules.re.match('^[a-z][a-z0-9_]*$', name) -%}
        {%- do configuration_error(here ~ ' must have a name in snake_case') -%}
    {%- endif -%}
    {%- if ruleset is not mapping or ruleset | sort != ['levels', 'rules'] -%}
        {%- do configuration_error(here ~ ' must have levels and rules, nothing else') -%}
    {%- endif -%}
    {%- set levels = ruleset['levels'] -%}
    {%- if levels is not mapping or levels | sort != ['high', 'medium']
        or levels['high'] is not integer or levels['medium'] is not integer
        or not 0 < levels['medium'] < levels['high'] <= 100 -%}
        {%- do configuration_error(
            here ~ ': levels must be whole numbers with 0 < medium < high <= 100, not ' ~ levels
        ) -%}
    {%- endif -%}
    {%- if ruleset['rules'] is string or ruleset['rules'] is mapping
        or ruleset['rules'] is not iterable or not ruleset['rules'] -%}
        {%- do configuration_error(here ~ ': rules must be a list') -%}
    {%- endif -%}
    {%- set seen = [] -%}
    {%- for rule in ruleset['rules'] -%}
        {%- do validate_rule(here, rule) -%}
        {%- if rule['id'] in seen -%}
            {%- do configuration_error(here ~ " has two rules '" ~ rule['id'] ~ "'") -%}
        {%- endif -%}
        {%- do seen.append(rule['id']) -%}
    {%- endfor -%}
{% endmacro %}

{% macro validate_rule(ruleset_title, rule) %}
    {%- set keys = ['id', 'label', 'signal', 'dated', 'bands'] -%}
    {%- if rule is not mapping or rule.get('id') is not string
        or not modules.re.match('^[a-z][a-z0-9_]*$', rule['id']) -%}
        {%- do configuration_error(ruleset_title ~ ': a rule needs an id in snake_case: ' ~ rule) -%}
    {%- endif -%}
    {%- set here = ruleset_title ~ ", rule '" ~ rule['id'] ~ "'" -%}
    {%- for key in keys if key not in rule -%}
        {%- do configuration_error(here ~ ' has no ' ~ key) -%}
    {%- endfor -%}
    {%- for key in rule if key not in keys + ['action_group', 'playbook', 'customer_phrase', 'evidence'] -%}
        {%- do configuration_error(here ~ " has an unknown setting '" ~ key ~ "'") -%}
    {%- endfor -%}
    {%- for key in ['label', 'customer_phrase', 'playbook'] if key in rule -%}
        {%- if rule[key] is not string or not rule[key] | trim -%}
            {%- do configuration_error(here ~ ': ' ~ key ~ ' must be a text, not ' ~ shown(rule[key])) -%}
        {%- endif -%}
        {%- for placeholder in unknown_placeholders(rule[key], []) -%}
            {%- do configuration_error(
                here ~ ': ' ~ key ~ ' has ' ~ placeholder ~ ', but nothing is filled in there'
            ) -%}
        {%- endfor -%}
    {%- endfor -%}
    {%- if rule['signal'] not in risk_signals() -%}
        {%- do configuration_error(
            here ~ " reads an unknown signal '" ~ rule['signal'] ~ "'; there are: "
            ~ risk_signals() | join(', ')
        ) -%}
    {%- endif -%}
    {%- if 'evidence' in rule -%}
        {%- if rule['evidence'] is not string or rule['evidence'] not in kinds_of_evidence() -%}
            {%- do configuration_error(
                here ~ ': evidence must be one of: ' ~ kinds_of_evidence() | join(', ') ~ ', not '
                ~ shown(rule['evidence'])
            ) -%}
        {%- elif rule['signal'] not in kinds_of_evidence()[rule['evidence']] -%}
            {%- do configuration_error(
                here ~ ': evidence: ' ~ rule['evidence'] ~ ' needs one of the signals '
                ~ kinds_of_evidence()[rule['evidence']] | join(', ') ~ ', not ' ~ shown(rule['signal'])
            ) -%}
        {%- endif -%}
    {%- endif -%}
    {%- if rule['dated'] is not boolean -%}
        {%- do configuration_error(here ~ ': dated must be true or false') -%}
    {%- endif -%}
    {%- if rule['dated'] and not risk_signals()[rule['signal']]['dated'] -%}
        {%- do configuration_error(
            here ~ ': dated must be false, because ' ~ rule['signal'] ~ ' says what is true today'
        ) -%}
    {%- endif -%}
    {%- if rule['bands'] is string or rule['bands'] is mapping
        or rule['bands'] is not iterable or not rule['bands'] -%}
        {%- do configuration_error(here ~ ': bands must be a list') -%}
    {%- endif -%}
    {%- for band in rule['bands'] -%}
        {%- do validate_band(here ~ ', band ' ~ loop.index, rule, band) -%}
    {%- endfor -%}
    {%- for band in rule['bands'][1:] -%}
        {%- do validate_band_order(here ~ ', band ' ~ (loop.index + 1), rule['bands'][loop.index0], band) -%}
    {%- endfor -%}
{% endmacro %}

{% macro validate_band(here, rule, band) %}
    {%- set operators = ['at_least', 'at_most', 'equals', 'between'] -%}
    {%- if band is not mapping or operators | select('in', band) | list | length != 1 -%}
        {%- do configuration_error(here ~ ' needs exactly one of ' ~ operators | join(', ')) -%}
    {%- endif -%}
    {%- for key in band if key not in operators + ['points', 'reason', 'action_group'] -%}
        {%- do configuration_error(here ~ " has an unknown setting '" ~ key ~ "'") -%}
    {%- endfor -%}
    {%- set points = band.get('points') -%}
    {%- if whole_number_fault(points, 0, 1000) -%}
        {%- do configuration_error(here ~ ': points must be a whole number from 0 to 1000, not ' ~ shown(points)) -%}
    {%- endif -%}
    {%- if band.get('reason') is not string or not band['reason'] | trim -%}
        {%- do configuration_error(here ~ ' has no reason') -%}
    {%- endif -%}
    {%- for placeholder in unknown_placeholders(band['reason'], reason_placeholders()) -%}
        {%- do configuration_error(
            here ~ ': the reason has an unknown placeholder ' ~ placeholder ~ '; there are: '
            ~ in_braces(reason_placeholders()) | join(', ')
        ) -%}
    {%- endfor -%}
    {%- set group = band_action_group(rule, band) -%}
    {%- if group is not none and group not in var('risk_action_groups') -%}
        {%- do configuration_error(
            here ~ " calls for an unknown action_group '" ~ group ~ "'; there are: "
            ~ var('risk_action_groups') | join(', ')
        ) -%}
    {%- endif -%}
    {%- set operator = band_operator(band) -%}
    {%- set limits = band['between'] if operator == 'between' else [band[operator]] -%}
    {%- if risk_signals()[rule['signal']]['kind'] == 'flag' -%}
        {%- if operator != 'equals' or band['equals'] is not boolean -%}
            {%- do configuration_error(here ~ ': ' ~ rule['signal'] ~ ' is a flag and needs equals: true or false') -%}
        {%- endif -%}
    {%- elif limits is string or limits is not iterable
        or limits | select('number') | reject('boolean') | select('ge', -1e12) | select('le', 1e12)
            | list | length != limits | length
        or (operator == 'between' and (limits | length != 2 or limits[0] > limits[1])) -%}
        {%- do configuration_error(here ~ ': ' ~ operator ~ ' needs a number (between: two, in order), not ' ~ band[operator]) -%}
    {%- endif -%}
{% endmacro %}

{#
    Checks that the more severe band comes first and has at least as many points, because the first
    matching band counts.
#}
{% macro validate_band_order(here, severe, mild) %}
    {%- set operators = [band_operator(severe), band_operator(mild)] -%}
    {%- set falling = operators == ['at_least', 'at_least'] -%}
    {%- set rising = operators in [['at_most', 'at_most'], ['at_most', 'equals'], ['equals', 'equals']] -%}
    {%- if not falling and not rising -%}
        {%- do configuration_error(here ~ ': ' ~ operators[1] ~ ' cannot follow ' ~ operators[0]) -%}
    {%- endif -%}
    {%- set limits = [severe[operators[0]], mild[operators[1]]] -%}
    {%- if (falling and limits[0] <= limits[1]) or (rising and limits[0] >= limits[1]) -%}
        {%- do configuration_error(
            here ~ ' is out of order: ' ~ operators[1] ~ ' ' ~ limits[1] ~ ' after '
            ~ operators[0] ~ ' ' ~ limits[0] ~ ' (the most severe band stands first)'
        ) -%}
    {%- endif -%}
    {%- if mild['points'] > severe['points'] -%}
        {%- do configuration_error(here ~ ' is out of order: it has more points than the more severe band before it') -%}
    {%- endif -%}
{% endmacro %}
