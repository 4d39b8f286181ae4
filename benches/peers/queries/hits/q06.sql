-- compare: all
SELECT COUNT(DISTINCT "SearchPhrase") AS c FROM hits;
