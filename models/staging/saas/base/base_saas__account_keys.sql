-- one row per row of account_keys as it came: every column that the project reads, as text
{{ base_rows('account_keys') }}
