-- one row per row of the feature_usage source, as it came: every column the project reads, as text
{{ base_rows('feature_usage') }}
