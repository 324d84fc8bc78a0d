"""The DuckDB file: opens it, reads it, locks it, copies it, and notes what it was built from.

Only dbt writes to the warehouse. Code outside this folder reads it through `reading`.
"""

from churn.warehouse.read import Row, Warehouse, WarehouseInUse, reading

__all__ = ["Row", "Warehouse", "WarehouseInUse", "reading"]
