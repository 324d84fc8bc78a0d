-- one row per source row of account_keys, typed, with its fate: staged, rejected or duplicate
{{ checked_rows('account_keys') }}
