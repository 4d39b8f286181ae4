-- curated.recommendations: the ten items that each active user will most likely want next.
--
-- Candidates are the most popular items of the three categories that a user liked best; what the user
-- has bought or ordered is left out. The score is linear in two numbers between 0 and 1: the
-- category's share of what the user did, and the item's popularity beside the best of its category.
CREATE OR REPLACE TABLE curated.recommendations
COMMENT 'The ten items that each active user will most likely want next' AS
WITH tastes AS (
    SELECT
        user_id,
        category,
        count(*)
            + 2 * count(*) FILTER (WHERE event_type = 'click')
            + 4 * count(*) FILTER (WHERE event_type = 'purchase') AS interest
    FROM processed.events
    JOIN processed.items USING (item_id)
    GROUP BY user_id, category
),
favourites AS (
    SELECT
        user_id,
        category,
        interest / CAST(sum(interest) OVER (PARTITION BY user_id) AS DOUBLE) AS affinity
    FROM tastes
    QUALIFY row_number() OVER (PARTITION BY user_id ORDER BY interest DESC, category) <= 3
),
popular AS (
    SELECT
        item_id,
        category,
        popularity / greatest(max(popularity) OVER (PARTITION BY category), 1) AS popularity
    FROM curated.item_features
    QUALIFY row_number() OVER (PARTITION BY category ORDER BY popularity DESC, item_id) <= 40
),
owned AS (
    SELECT user_id, item_id FROM processed.events WHERE event_type = 'purchase'
    UNION
    SELECT user_id, item_id FROM processed.orders
),
scored AS (
    SELECT
        user_id,
        item_id,
        0.6 * affinity + 0.4 * popularity AS score
    FROM favourites
    JOIN popular USING (category)
    WHERE NOT EXISTS (
        SELECT 1
        FROM owned
        WHERE owned.user_id = favourites.user_id
            AND owned.item_id = popular.item_id
    )
)
SELECT
    user_id,
    CAST(row_number() OVER (PARTITION BY user_id ORDER BY score DESC, item_id) AS INT) AS position,
    item_id,
    score
FROM scored
QUALIFY position <= 10;
