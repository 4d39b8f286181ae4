-- processed.items: what can be sold: items with a title and a price, the price exact to the cent.
CREATE OR REPLACE TABLE processed.items AS
SELECT
    item_id,
    trim(title) AS title,
    category,
    CAST(price AS DECIMAL(12, 2)) AS price
FROM raw.items
WHERE trim(title) <> ''
    AND price >= 0
QUALIFY row_number() OVER (PARTITION BY item_id ORDER BY title, price) = 1;
