-- every active customer at risk has a draft that can be sent: filled in, with a short subject
with

listed as (

    select
        customer_id,
        coalesce(nullif({{ one_line('account_name') }}, ''), account_id) as account_name
    from {{ ref('at_risk_customers') }}
    where is_active

)

select
    listed.customer_id as listed_customer_id,
    drafts.*
from listed
full outer join {{ ref('outreach_drafts') }} as drafts on listed.customer_id = drafts.customer_id
where
    listed.customer_id is null
    or drafts.customer_id is null
    or length(drafts.email_subject) not between 1 and 78
    or position(listed.account_name in coalesce(drafts.email_body, '')) = 0
    or coalesce(drafts.slack_message, '') = ''
    -- a name may hold anything
    or position('{{ "{" }}' in replace(drafts.email_body, listed.account_name, '')) > 0
    or (
        position('{{ "{" }}' in drafts.email_subject) > 0
        and position('{{ "{" }}' in listed.account_name) = 0
    )
