-- compare: all
SELECT DATE_TRUNC('minute', "EventTime") AS m, COUNT(*) AS v FROM hits WHERE "CounterID" = 62 AND "EventDate" >= DATE '2013-07-14' AND "EventDate" <= DATE '2013-07-15' AND "IsRefresh" = 0 AND "DontCountHits" = 0 GROUP BY DATE_TRUNC('minute', "EventTime") ORDER BY m LIMIT 10 OFFSET 1000;
