-- one row per row of feature_usage as it came: every column that the project reads, as text
{{ base_rows('feature_usage') }}
