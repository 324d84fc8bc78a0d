-- every active customer at risk has a draft that is ready to send: all placeholders filled in, and
-- a short subject
with

listed as (

    select
        customer_id,
        coalesce(nullif({{ one_line('account_name') }}, ''), account_id) as account_name
    from {{ ref('at_risk_customers') }}
    where is_active

),

templates as (

    select * from {{ ref('outreach_templates') }}

)

select
    listed.customer_id as listed_customer_id,
    drafts.*
from listed
full outer join {{ ref('outreach_drafts') }} as drafts on listed.customer_id = drafts.customer_id
left join templates on drafts.template = templates.template
where
    listed.customer_id is null
    or drafts.customer_id is null
    -- names are shortened until the subject fits; a subject without a name stays as written
    or coalesce(drafts.email_subject, '') = ''
    or (
        length(drafts.email_subject) > 78
        and position('{{ "{account_name}" }}' in templates.subject) > 0
        and length(templates.subject) <= 78
    )
    or (
        position(listed.account_name in coalesce(drafts.email_body, '')) = 0
        and position('{{ "{account_name}" }}' in templates.email_body) > 0
    )
    or coalesce(drafts.slack_message, '') = ''
    -- every placeholder is filled in; names may contain anything
    {%- for placeholder in in_braces(seed_placeholders('outreach_templates')['email_body']) %}
    or position('{{ placeholder }}' in replace(drafts.email_body, listed.account_name, '')) > 0
    {%- endfor %}
    or (
        position('{{ "{account_name}" }}' in drafts.email_subject) > 0
        and position('{{ "{" }}' in listed.account_name) = 0
    )
