-- compare: c
SELECT "SearchPhrase", MIN("URL") AS u, MIN("Title") AS t, COUNT(*) AS c, COUNT(DISTINCT "UserID") AS d FROM hits WHERE "Title" LIKE '%Google%' AND "URL" NOT LIKE '%.google.%' AND "SearchPhrase" <> '' GROUP BY "SearchPhrase" ORDER BY c DESC LIMIT 10;
