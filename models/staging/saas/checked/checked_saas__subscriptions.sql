-- one row per source row of subscriptions, typed, with its fate: staged, rejected or duplicate
{{ checked_rows('subscriptions') }}
