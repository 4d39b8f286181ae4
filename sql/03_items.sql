-- processed.items: what can be sold: items with a title and a price, the price exact to the cent. The
-- others wait in processed.items$quarantine.
CREATE OR REPLACE TABLE processed.items (
    item_id BIGINT NOT NULL,
    title VARCHAR,
    category VARCHAR,
    price DECIMAL(12, 2),
    CONSTRAINT one_of_each EXPECT UNIQUE (item_id) ON VIOLATION QUARANTINE,
    CONSTRAINT blank_title EXPECT NOT NULL (title) ON VIOLATION QUARANTINE WITH (blank = 'fail'),
    CONSTRAINT missing_price EXPECT NOT NULL (price) ON VIOLATION QUARANTINE,
    CONSTRAINT negative_price EXPECT (price >= 0) ON VIOLATION QUARANTINE
)
COMMENT 'What can be sold: items with a title and a price, the price exact to the cent' AS
SELECT item_id, trim(title), category, price
FROM raw.items;
