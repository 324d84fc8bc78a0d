-- one row per row of the accounts source, as it came: every column the project reads, as text
{{ base_rows('accounts') }}
