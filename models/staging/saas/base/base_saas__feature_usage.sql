-- one row per source row of feature_usage as it arrived: every column the project reads, as text
{{ base_rows('feature_usage') }}
