-- one row per source row of accounts, typed, with its fate: staged, rejected or duplicate
{{ checked_rows('accounts') }}
