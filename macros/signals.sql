{#
    The registry of signals. Each signal is a column of `int_customer_signals` that a rule may read.

    kind    `ratio`, `count` or `flag`
    unit    the unit that people read after the number: `drop` is a lost fraction of 1, `yes or no`
            is for flags, other units are plurals
    label   the display name
    source  the source table of the rows
    dated   whether its value is known for a past date; flags and plans only describe today
#}
{% macro risk_signals() %}
    {{ return({
        'usage_drop_pct': {
            'kind': 'ratio', 'unit': 'drop', 'label': 'Drop of usage',
            'source': 'feature_usage', 'dated': true,
        },
        'usage_30d': {
            'kind': 'count', 'unit': 'uses', 'label': 'Usage',
            'source': 'feature_usage', 'dated': true,
        },
        'usage_prev30d': {
            'kind': 'count', 'unit': 'uses', 'label': 'Usage in the prior window',
            'source': 'feature_usage', 'dated': true,
        },
        'usage_rows_60d': {
            'kind': 'count', 'unit': 'rows', 'label': 'Rows of usage',
            'source': 'feature_usage', 'dated': true,
        },
        'errors_30d': {
            'kind': 'count', 'unit': 'errors', 'label': 'Usage with errors',
            'source': 'feature_usage', 'dated': true,
        },
        'tickets_30d': {
            'kind': 'count', 'unit': 'tickets', 'label': 'Tickets of the account',
            'source': 'support_tickets', 'dated': true,
        },
        'escalations_30d': {
            'kind': 'count', 'unit': 'escalations', 'label': 'Escalated tickets',
            'source': 'support_tickets', 'dated': true,
        },
        'churn_intent_30d': {
            'kind': 'count', 'unit': 'messages', 'label': 'Messages about leaving',
            'source': 'ticket_messages', 'dated': true,
        },
        'satisfaction_score': {
            'kind': 'count', 'unit': 'of 5', 'label': 'Tickets with a score',
            'source': 'support_tickets', 'dated': true,
        },
        'avg_csat': {
            'kind': 'ratio', 'unit': 'of 5', 'label': 'Average satisfaction',
            'source': 'support_tickets', 'dated': true,
        },
        'avg_first_response_min': {
            'kind': 'ratio', 'unit': 'minutes', 'label': 'Average time to the first response',
            'source': 'support_tickets', 'dated': true,
        },
        'avg_resolution_hrs': {
            'kind': 'ratio', 'unit': 'hours', 'label': 'Average time to a resolution',
            'source': 'support_tickets', 'dated': true,
        },
        'tenure_days': {
            'kind': 'count', 'unit': 'days', 'label': 'Tenure',
            'source': 'subscriptions', 'dated': true,
        },
        'downgrade_flag': {
            'kind': 'flag', 'unit': 'yes or no', 'label': 'Downgraded',
            'source': 'subscriptions', 'dated': false,
        },
        'is_trial': {
            'kind': 'flag', 'unit': 'yes or no', 'label': 'On trial',
            'source': 'subscriptions', 'dated': false,
        },
    }) }}
{% endmacro %}
