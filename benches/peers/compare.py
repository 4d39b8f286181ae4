"""Whether two engines gave the same answer.

Floats may differ by one part in a million; a number is compared as a number whatever its type, a time as its
text. Rows are compared in order only as far as the query fixes it, so they are sorted first.
"""

import datetime
import decimal
import math

import pyarrow.parquet as pq

TOLERANCE = 1e-6


def difference(expected: str, found: str, columns: str) -> str | None:
    """What differs between two answers (Parquet files), or None."""
    left, right = pq.read_table(expected), pq.read_table(found)
    if left.num_rows != right.num_rows:
        return f"{right.num_rows} rows, not {left.num_rows}"
    if left.num_columns != right.num_columns:
        return f"{right.num_columns} columns, not {left.num_columns}"
    if columns == "rows":
        return None
    names = left.column_names if columns == "all" else columns.split(", ")
    lower = {name.lower(): index for index, name in enumerate(left.column_names)}
    indexes = range(left.num_columns) if columns == "all" else [lower[name.lower()] for name in names]
    rows = [sorted(zip(*(values(table.column(index)) for index in indexes)), key=str_key) for table in (left, right)]
    for one, other in zip(*rows):
        if not all(same(a, b) for a, b in zip(one, other)):
            return f"{other}, not {one}"[:200]
    return None


def values(column):
    return [plain(value) for value in column.to_pylist()]


def plain(value):
    match value:
        case bool():
            return int(value)
        case decimal.Decimal():
            return float(value)
        case datetime.datetime():
            return value.replace(tzinfo=None).isoformat()
        case datetime.date():
            return value.isoformat()
        case bytes():
            return value.decode(errors="replace")
    return value


def str_key(row):
    # Floats rounded, so that the last digits do not change the order.
    return [f"{value:.4g}" if isinstance(value, (int, float)) else str(value) for value in row]


def same(one, other):
    if isinstance(one, (int, float)) and isinstance(other, (int, float)):
        if math.isnan(one) or math.isnan(other):
            return math.isnan(one) and math.isnan(other)
        return math.isclose(one, other, rel_tol=TOLERANCE, abs_tol=TOLERANCE)
    return one == other
