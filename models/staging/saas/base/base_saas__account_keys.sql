-- one row per source row of account_keys as it arrived: every column the project reads, as text
{{ base_rows('account_keys') }}
