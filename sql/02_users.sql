-- processed.users: one row a user, with typed and normalised fields.
--
-- A user who is listed again is taken as of the last sign-up, the earlier ones are dropped. A broken
-- e-mail address or age becomes NULL, and the user stays: the events and orders are real.
CREATE OR REPLACE TABLE processed.users (
    user_id BIGINT NOT NULL,
    email VARCHAR,
    country VARCHAR,
    age INT,
    signed_up DATE,
    CONSTRAINT listed_again EXPECT UNIQUE (user_id) KEEP LAST BY signed_up ON VIOLATION DROP ROW,
    CONSTRAINT signed_up EXPECT NOT NULL (signed_up) ON VIOLATION WARN
)
COMMENT 'One row a user, with typed and normalised fields' AS
SELECT
    user_id,
    CASE
        WHEN regexp_like(trim(email), '^[^@\s]+@[^@\s.]+(\.[^@\s.]+)+$') THEN lower(trim(email))
    END AS email,
    country,
    CASE
        WHEN TRY_CAST(age AS INT) BETWEEN 0 AND 120 THEN TRY_CAST(age AS INT)
    END AS age,
    TRY_CAST(signed_up AS DATE) AS signed_up
FROM raw.users
WHERE user_id IS NOT NULL;
