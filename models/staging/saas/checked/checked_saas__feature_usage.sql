-- one row per row of the feature_usage source, typed, with its fate: staged, rejected or duplicate
{{ checked_rows('feature_usage') }}
