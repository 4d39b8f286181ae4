-- compare: c
SELECT "UserID", EXTRACT(MINUTE FROM "EventTime") AS m, "SearchPhrase", COUNT(*) AS c FROM hits GROUP BY "UserID", EXTRACT(MINUTE FROM "EventTime"), "SearchPhrase" ORDER BY c DESC LIMIT 10;
