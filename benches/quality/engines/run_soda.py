"""Soda over DuckDB: a contract's checks; it gives counts and no rows."""

import json

import duckdb
from soda_core.common.yaml import ContractYamlSource
from soda_core.contracts.contract_verification import ContractVerificationSession
from soda_duckdb.common.data_sources.duckdb_data_source import DuckDBDataSourceImpl

import task
from rules import KEY


def prepare(job):
    connection = duckdb.connect()
    connection.execute(f"SET threads = {job.threads}")
    connection.execute(f"CREATE VIEW lineitem AS FROM read_parquet('{job.data}/*.parquet')")
    contract = contract_of(job.rules)

    def counts():
        source = DuckDBDataSourceImpl.from_existing_cursor(connection, name="ds")
        session = ContractVerificationSession.execute(
            contract_yaml_sources=[ContractYamlSource.from_str(json.dumps(contract))], data_source_impls=[source]
        )
        results = [result for verified in session.contract_verification_results for result in verified.check_results]
        found = {}
        for result in results:
            values = result.diagnostic_metric_values
            found[result.check.name] = next(int(values[key]) for key in ("failed_rows_count", "duplicate_count", "invalid_count", "missing_count") if key in values)
        # Soda counts of a key that occurs n times n - 1 rows; compared are the rules that both count alike.
        found.pop("key", None)
        return found

    return {"counts": counts}


def contract_of(rules):
    columns, checks = {}, []
    for rule in rules:
        column, check = column_check(rule)
        if column:
            columns.setdefault(column, []).append({check[0]: {"name": rule.name, "qualifier": rule.name, **check[1]}})
        elif rule.unique:
            checks.append({"duplicate": {"name": rule.name, "columns": KEY}})
        else:
            checks.append({"failed_rows": {"name": rule.name, "qualifier": rule.name, "expression": f"NOT ({rule.good})"}})
    return {
        "dataset": "ds/main/lineitem",
        "columns": [{"name": name, "checks": wanted} for name, wanted in columns.items()],
        "checks": checks,
    }


def column_check(rule):
    if rule.not_null:
        return rule.not_null, ("missing", {})
    if rule.between and not isinstance(rule.between[1], str):
        return rule.between[0], ("invalid", {"valid_min": rule.between[1], "valid_max": rule.between[2]})
    if rule.among:
        return rule.among[0], ("invalid", {"valid_values": list(rule.among[1])})
    if rule.regex:
        return rule.regex[0], ("invalid", {"valid_format": {"regex": rule.regex[1], "name": rule.name}})
    if rule.longest:
        return rule.longest[0], ("invalid", {"valid_max_length": rule.longest[1]})
    return None, None


task.main(prepare)
