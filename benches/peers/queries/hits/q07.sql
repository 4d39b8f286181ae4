-- compare: all
SELECT MIN("EventDate") AS lo, MAX("EventDate") AS hi FROM hits;
