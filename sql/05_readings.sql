-- processed.readings: temperatures with a value, each with its modified z-score, spikes marked.
--
-- The score measures a value's distance from its sensor's median by the median of all distances
-- (MAD), which a few spikes cannot bend; beyond 3.5 it is an outlier (Iglewicz and Hoaglin). The
-- value itself is kept, and missing minutes are left missing; readings without a value are quarantined.
CREATE OR REPLACE TABLE processed.readings (
    sensor_id BIGINT NOT NULL,
    ts TIMESTAMP,
    value DOUBLE,
    mad_z DOUBLE,
    is_spike BOOLEAN,
    CONSTRAINT missing_value EXPECT NOT NULL (value) ON VIOLATION QUARANTINE
) AS
WITH scored AS (
    SELECT sensor_id, ts, value, mad_zscore(value) OVER (PARTITION BY sensor_id) AS mad_z
    FROM raw.readings
)
SELECT
    sensor_id,
    ts,
    value,
    mad_z,
    coalesce(abs(mad_z) > 3.5, false) AS is_spike
FROM scored;
