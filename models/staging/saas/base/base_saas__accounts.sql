-- one row per source row of accounts as it arrived: every column the project reads, as text
{{ base_rows('accounts') }}
