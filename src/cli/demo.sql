SELECT zone, name, kind FROM system.tables ORDER BY zone, name;
SELECT (SELECT count(*) FROM raw.events) AS raw_events, (SELECT count(*) FROM processed.events) AS good_events;
SELECT * FROM curated.daily_sales ORDER BY day, category LIMIT 5;
SELECT * FROM curated.recommendations ORDER BY user_id, position LIMIT 5
