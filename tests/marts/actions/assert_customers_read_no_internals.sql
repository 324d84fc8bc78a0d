-- texts for customers, as configured, do not mention churn, risk, scores or revenue; only a
-- warning, because people write these texts, and the words also have other meanings
{{ config(severity='warn') }}
with

texts as (

    select subject || ' ' || email_body as words
    from {{ ref('outreach_templates') }}

    union all

    select customer_offer as words
    from {{ ref('playbook_steps') }}

    union all

    select customer_phrase as words
    from {{ ref('int_rule_evaluations') }}
    group by customer_phrase

)

select words
from texts
where
    lower(words) like '%churn%'
    or lower(words) like '%risk%'
    or lower(words) like '%score%'
    or lower(words) like '%revenue%'
    or ' ' || lower(words) || ' ' like '% arr %'
