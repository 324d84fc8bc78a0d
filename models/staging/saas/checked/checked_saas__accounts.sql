-- one row per row of accounts, typed, with its fate: staged, rejected or duplicate
{{ checked_rows('accounts') }}
