-- curated.item_features: how much each item on sale was looked at and bought, in all and lately.
--
-- Scores are those of curated.user_features. The popularity weighs them, a click as three views and a
-- purchase as five; an item that nobody touched has 0.
CREATE OR REPLACE TABLE curated.item_features
COMMENT 'How much each item on sale was looked at and bought, in all and lately' AS
WITH weighted AS (
    SELECT
        item_id,
        event_type,
        CAST(power(0.5, age_seconds / (7 * 86400)) AS DECIMAL(18, 9)) AS weight
    FROM (
        SELECT
            *,
            date_part('epoch', TIMESTAMP '2026-02-01 00:00:00') - date_part('epoch', event_time)
                AS age_seconds
        FROM processed.events
    ) AS aged
),
counted AS (
    SELECT
        item_id,
        count(*) FILTER (WHERE event_type = 'view') AS views,
        count(*) FILTER (WHERE event_type = 'click') AS clicks,
        count(*) FILTER (WHERE event_type = 'purchase') AS purchases,
        sum(weight) FILTER (WHERE event_type = 'view') AS view_score,
        sum(weight) FILTER (WHERE event_type = 'click') AS click_score,
        sum(weight) FILTER (WHERE event_type = 'purchase') AS purchase_score
    FROM weighted
    GROUP BY item_id
),
complete AS (
    SELECT
        item_id,
        title,
        category,
        price,
        coalesce(views, 0) AS views,
        coalesce(clicks, 0) AS clicks,
        coalesce(purchases, 0) AS purchases,
        CAST(coalesce(view_score, 0) AS DOUBLE) AS view_score,
        CAST(coalesce(click_score, 0) AS DOUBLE) AS click_score,
        CAST(coalesce(purchase_score, 0) AS DOUBLE) AS purchase_score
    FROM processed.items
    LEFT JOIN counted USING (item_id)
)
SELECT
    *,
    view_score + 3 * click_score + 5 * purchase_score AS popularity
FROM complete;
