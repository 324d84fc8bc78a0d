-- every signal of an answer belongs to the closed vocabulary
with

found as (

    select
        message_id,
        engine,
        {{ each_part('signals', "','") }} as found_signal
    from {{ ref('ticket_enrichments') }}
    where signals != ''

)

select found.*
from found
left join {{ ref('ticket_signals') }} as ticket_signals
    on found.found_signal = ticket_signals.signal
where ticket_signals.signal is null
