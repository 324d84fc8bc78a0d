"""The warehouse (a DuckDB file): opens, reads, locks and copies it, and records its inputs.

Only dbt writes to the warehouse; queries open it read-only, through `reading`.
"""

from churn.warehouse.read import Row, Warehouse, WarehouseInUse, reading

__all__ = ["Row", "Warehouse", "WarehouseInUse", "reading"]
