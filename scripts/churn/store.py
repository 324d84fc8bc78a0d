"""The durable store: append-only Parquet files, one folder a table, that nothing can rebuild.

dbt reads the files in place (`sources: store`), so no writer waits for the lock of the warehouse.
"""

import fcntl
from hashlib import md5
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from churn.disk import flush
from churn.errors import ChurnError


def append(folder: Path, name: str, rows: pa.Table | pa.RecordBatchReader) -> Path:
    """Add rows to a table of the store, as the new file `<name>.parquet`; returns its path.

    Of a reader no more than a batch is in memory.

    The file appears complete or not at all; killing the process leaves at most a hidden partial
    file, which the next writer removes. Raises ChurnError when the disk refuses.
    """
    path = folder / f"{name}.parquet"
    partial = folder / f".{name}.partial"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / ".lock").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            for left_over in folder.glob(".*.partial"):
                left_over.unlink()
            batches = rows.to_reader() if isinstance(rows, pa.Table) else rows
            with pq.ParquetWriter(partial, batches.schema, compression="zstd") as writer:
                for batch in batches:
                    writer.write_batch(batch)
            flush(partial)
            partial.replace(path)
            flush(folder)
    except OSError as error:
        raise ChurnError(f"{path} cannot be written: {error.strerror or error}.") from error
    return path


def state(folder: Path) -> str:
    """Another one whenever a Parquet file of the folder was added, replaced or removed."""
    files = sorted(folder.glob("*.parquet"))
    stamps = [(file.name, file.stat().st_mtime_ns) for file in files]
    return md5(repr(stamps).encode(), usedforsecurity=False).hexdigest()


def states(folder: Path) -> dict[str, str]:
    """The state of every table below a folder, by its path from there."""
    tables = {file.parent for file in folder.rglob("*.parquet")}
    return {table.relative_to(folder).as_posix(): state(table) for table in sorted(tables)}
