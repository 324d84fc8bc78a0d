-- one row per run that read messages
with

runs as (

    select
        run_id,
        started_at,
        ended_at,
        engine,
        model,
        device,
        source_file,
        message_limit,
        done,
        cached,
        timed_out,
        failed,
        was_stopped
    from {{ ref('stg_store__enrichment_runs') }}

)

select * from runs
order by started_at, run_id
