-- one row per row of accounts as it came: every column that the project reads, as text
{{ base_rows('accounts') }}
