-- one row per row of the accounts source, typed, with its fate: staged, rejected or duplicate
{{ checked_rows('accounts') }}
