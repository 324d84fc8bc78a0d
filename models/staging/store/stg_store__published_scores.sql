-- one row per publication and customer: the score as it was published
with

source as (

    {{ stored_rows('published', {
        'publication_id': 'string',
        'published_at': 'timestamp',
        'as_of_date': 'date',
        'ruleset': 'string',
        'configuration': 'string',
        'customer_id': 'string',
        'account_id': 'string',
        'start_date': 'date',
        'is_active': 'boolean',
        'arr': 'decimal(18, 2)',
        'plan_tier': 'string',
        'risk_score': 'int',
        'dated_points': 'int',
        'churn_intent_30d': 'bigint',
        'risk_level': 'string',
        'top_reasons': 'string',
    }, always_known=['publication_id', 'published_at', 'as_of_date', 'ruleset', 'customer_id', 'account_id', 'risk_score', 'risk_level']) | indent(4) }}

),

renamed as (

    select
        -- ids
        publication_id,
        customer_id,
        account_id,

        -- text
        ruleset,
        configuration,
        plan_tier,
        risk_level,
        top_reasons,

        -- numbers
        arr,
        risk_score,
        dated_points,
        coalesce(churn_intent_30d, 0) as churn_intent_30d,

        -- booleans
        is_active,

        -- dates
        as_of_date,
        start_date,
        published_at

    from source

)

select * from renamed
