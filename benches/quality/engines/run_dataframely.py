"""dataframely: `filter()` gives the valid rows and, of the others, which rules each breaks."""

import dataframely as dy
import polars as pl

import task
from rules import KEY


def condition(rule):
    if rule.unique:
        present = pl.all_horizontal(pl.col(column).is_not_null() for column in KEY)
        return ~present | ~pl.struct(KEY).is_duplicated()
    if rule.not_null:
        return pl.col(rule.not_null).is_not_null()
    if rule.between:
        column, least, greatest = rule.between
        bound = (lambda value: pl.lit(value).str.to_date()) if isinstance(least, str) else pl.lit
        return pl.col(column).is_between(bound(least), bound(greatest))
    if rule.among:
        return pl.col(rule.among[0]).is_in(list(rule.among[1]))
    if rule.regex:
        return pl.col(rule.regex[0]).str.contains(rule.regex[1])
    if rule.longest:
        return pl.col(rule.longest[0]).str.len_chars() <= rule.longest[1]
    if rule.not_after:
        return pl.col(rule.not_after[0]) <= pl.col(rule.not_after[1])
    return pl.sql_expr(rule.good)


def prepare(job):
    kinds = pl.read_parquet_schema(next(job.data.glob("*.parquet")))
    members = {name: column(kind) for name, kind in kinds.items()}
    for rule in job.rules:
        expression = condition(rule)
        members[rule.name] = dy.rule()(lambda cls, expression=expression: expression)
    schema = type("Lineitem", (dy.Schema,), members)

    def filtered():
        return schema.filter(pl.read_parquet(job.data / "*.parquet"))

    def counts():
        found = filtered()[1].counts()
        return {rule.name: found.get(rule.name, 0) for rule in job.rules}

    def bad():
        failure = filtered()[1]
        failure.write_parquet(job.folder / "bad.parquet")
        return {"bad": len(failure)}

    def load():
        good, failure = filtered()
        failure.write_parquet(job.folder / "bad.parquet")
        good.write_parquet(job.folder / "good.parquet")
        return {"accepted": len(good), "quarantined": len(failure)}

    return {"counts": counts, "bad": bad, "load": load}


def column(kind):
    if isinstance(kind, pl.Decimal):
        return dy.Decimal(kind.precision, kind.scale, nullable=True)
    return {pl.Int64: dy.Int64, pl.Int32: dy.Int32, pl.Date: dy.Date, pl.String: dy.String}[kind.base_type()](nullable=True)


task.main(prepare)
