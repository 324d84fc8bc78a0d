-- one row per batch of usage rows that was added and column of the file: how many rows have a value
{{ config(materialized=grown_table(), incremental_strategy='append') }}
{{ column_counts('feature_usage', since=last_row_number('last_row_number') if is_incremental() else 0) }}
