-- one row per run that read messages
with

source as (

    {{ stored_rows('enrichment/runs', {
        'run_id': 'string',
        'started_at': 'timestamp',
        'ended_at': 'timestamp',
        'engine': 'string',
        'model': 'string',
        'device': 'string',
        'source_file': 'string',
        'message_limit': 'bigint',
        'done': 'bigint',
        'cached': 'bigint',
        'timed_out': 'bigint',
        'failed': 'bigint',
        'was_stopped': 'boolean',
    }, always_known=['run_id', 'started_at', 'engine', 'model']) | indent(4) }}

),

renamed as (

    select
        -- ids
        run_id,

        -- text
        engine,
        model,
        device,
        source_file,

        -- numbers
        message_limit,
        done,
        cached,
        timed_out,
        failed,

        -- booleans
        was_stopped,

        -- dates
        started_at,
        ended_at

    from source
    -- merged files may briefly exist beside their parts
    qualify row_number() over (partition by run_id order by ended_at desc nulls last) = 1

)

select * from renamed
