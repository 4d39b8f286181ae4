-- curated.reading_runs: sixty readings of a sensor at a time, whatever time they took (windows that count).
--
-- The last readings of a sensor, fewer than sixty, have no row yet.
CREATE OR REPLACE TABLE curated.reading_runs
COMMENT 'Sixty readings of a sensor at a time, whatever time they took (windows that count)' AS
SELECT
    sensor_id,
    window_id,
    window_start AS first_at,
    window_end AS last_at,
    avg(value) AS mean,
    count(*) FILTER (WHERE is_spike) AS spikes
FROM COUNT_WINDOW(processed.readings, ts, 60, key => [sensor_id])
GROUP BY sensor_id, window_id, window_start, window_end;
