"""DataFusion as it comes, from its Python package."""

import datafusion

import timed


def prepare(job):
    config = datafusion.SessionConfig().with_target_partitions(job["threads"])
    runtime = datafusion.RuntimeEnvBuilder()
    if job["memory_bytes"]:
        runtime = runtime.with_fair_spill_pool(job["memory_bytes"]).with_disk_manager_os()
    context = datafusion.SessionContext(config, runtime)
    for name, folder in job["tables"].items():
        context.register_parquet(name, folder)
    return lambda statement: context.sql(statement).to_arrow_table()


timed.main(prepare)
