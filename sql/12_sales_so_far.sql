-- curated.sales_so_far: what each day had brought by each of its hours (windows that cumulate: they begin
-- with the day and grow by an hour).
CREATE OR REPLACE TABLE curated.sales_so_far
COMMENT 'What each day had brought by each of its hours (windows that cumulate)' AS
SELECT
    window_start AS day,
    window_end AS by_then,
    count(*) AS purchases,
    CAST(sum(amount) AS DECIMAL(18, 2)) AS worth
FROM CUMULATE(
    (SELECT * FROM processed.events WHERE event_type = 'purchase'),
    event_time, INTERVAL '1 hour', INTERVAL '1 day'
)
GROUP BY window_start, window_end;
