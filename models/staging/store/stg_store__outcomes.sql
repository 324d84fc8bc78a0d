-- one row per record that somebody logged about a customer
with

source as (

    {{ stored_rows('outcomes', {
        'outcome_id': 'string',
        'kind': 'string',
        'customer_id': 'string',
        'account_id': 'string',
        'outcome': 'string',
        'note': 'string',
        'reason': 'string',
        'snoozed_until': 'date',
        'logged_by': 'string',
        'occurred_on': 'date',
        'logged_at': 'timestamp',
        'corrects': 'string',
        'import_key': 'string',
    }, always_known=['outcome_id', 'kind', 'customer_id', 'logged_by', 'occurred_on', 'logged_at']) | indent(4) }}

),

-- merged files may briefly exist beside their parts
numbered as (

    select
        *,
        row_number() over (partition by outcome_id order by logged_at) as copy_number
    from source

),

renamed as (

    select
        -- ids
        outcome_id,
        customer_id,
        account_id,
        corrects,
        import_key,

        -- text
        kind,
        outcome,
        note,
        reason,
        logged_by,

        -- dates
        occurred_on,
        snoozed_until,
        logged_at

    from numbered
    where copy_number = 1

)

select * from renamed
