-- one row per row of the subscriptions source, typed, with its fate: staged, rejected or duplicate
{{ checked_rows('subscriptions') }}
