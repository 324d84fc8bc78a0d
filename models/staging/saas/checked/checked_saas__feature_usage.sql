-- one row per row of feature_usage, typed, with its fate: staged, rejected or duplicate
{{ checked_rows('feature_usage') }}
