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
WITH centers AS (
    SELECT sensor_id, median(value) AS center
    FROM raw.readings
    GROUP BY sensor_id
),
spreads AS (
    SELECT sensor_id, center, median(abs(value - center)) AS mad
    FROM raw.readings
    JOIN centers USING (sensor_id)
    GROUP BY sensor_id, center
),
scored AS (
    SELECT sensor_id, ts, value, 0.6745 * (value - center) / nullif(mad, 0) AS mad_z
    FROM raw.readings
    LEFT JOIN spreads USING (sensor_id)
)
SELECT
    sensor_id,
    ts,
    value,
    mad_z,
    coalesce(abs(mad_z) > 3.5, false) AS is_spike
FROM scored;
