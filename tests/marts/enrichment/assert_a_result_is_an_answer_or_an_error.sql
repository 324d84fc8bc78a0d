-- an answer is complete; an error has no answer, not even "no intent"
select
    message_id,
    engine,
    error
from {{ ref('ticket_enrichments') }}
where
    (
        error is null
        and (
            category is null
            or sentiment is null
            or churn_intent is null
            or signals is null
        )
    )
    or (
        error is not null
        and (
            summary is not null
            or category is not null
            or sentiment is not null
            or churn_intent is not null
            or signals is not null
            or recommended_action is not null
        )
    )
