"""Great Expectations over a pandas frame, which is read before the clock starts: counts are `BOOLEAN_ONLY` (it gives
no more then), bad rows `COMPLETE`."""

import json
import os

os.environ["GX_ANALYTICS_ENABLED"] = "false"

import great_expectations as gx
import pandas as pd
from great_expectations import expectations as gxe

import task
from rules import KEY


def expectation(rule):
    if rule.unique:
        return gxe.ExpectCompoundColumnsToBeUnique(column_list=KEY, ignore_row_if="any_value_is_missing")
    if rule.not_null:
        return gxe.ExpectColumnValuesToNotBeNull(column=rule.not_null)
    if rule.between:
        column, least, greatest = rule.between
        if isinstance(least, str):
            least, greatest = pd.Timestamp(least), pd.Timestamp(greatest)
        return gxe.ExpectColumnValuesToBeBetween(column=column, min_value=least, max_value=greatest)
    if rule.among:
        return gxe.ExpectColumnValuesToBeInSet(column=rule.among[0], value_set=list(rule.among[1]))
    if rule.regex:
        return gxe.ExpectColumnValuesToMatchRegex(column=rule.regex[0], regex=rule.regex[1])
    if rule.longest:
        return gxe.ExpectColumnValueLengthsToBeBetween(column=rule.longest[0], max_value=rule.longest[1])
    if rule.not_after:
        return gxe.ExpectColumnPairValuesAToBeGreaterThanB(column_A=rule.not_after[1], column_B=rule.not_after[0], or_equal=True)
    # What it has no expectation for is computed as a column beforehand.
    return gxe.ExpectColumnValuesToBeInSet(column=rule.name, value_set=[True])


def prepare(job):
    frame = pd.read_parquet(job.data)
    for column in ("l_quantity", "l_extendedprice", "l_discount", "l_tax"):
        frame[column] = frame[column].astype("float64")
    for column in ("l_shipdate", "l_commitdate", "l_receiptdate"):
        frame[column] = pd.to_datetime(frame[column])
    frame["flag_and_status"] = (frame.l_linestatus != "O") | (frame.l_returnflag == "N")
    frame["unit_price"] = frame.l_extendedprice.between(900 * frame.l_quantity, 2100 * frame.l_quantity)
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False}
    asset = context.data_sources.add_pandas("pandas").add_dataframe_asset("lineitem")
    batch = asset.add_batch_definition_whole_dataframe("all").get_batch({"dataframe": frame})
    suite = gx.ExpectationSuite(name="rules", expectations=[expectation(rule) for rule in job.rules])

    batch_id = f'"batch_id": "{batch.id}", '

    def validated(result_format):
        return batch.validate(suite, result_format=result_format)

    def counts():
        validated("BOOLEAN_ONLY")
        return {}

    def bad():
        results = validated({"result_format": "COMPLETE"}).results
        # In whatever order they come, each says what it was asked.
        found = {json.dumps(result.expectation_config.to_json_dict()["kwargs"], sort_keys=True): result.result for result in results}
        wanted = {json.dumps(one.configuration.to_json_dict()["kwargs"], sort_keys=True): rule.name for one, rule in zip(suite.expectations, job.rules)}
        return {wanted[key.replace(batch_id, "")]: int(result["unexpected_count"]) for key, result in found.items()}

    return {"counts": counts, "bad": bad}


task.main(prepare)
