"""A table like ClickBench's `hits`: its 105 columns, its skews and its cardinalities, from a seed.

Owns what a row looks like. What the 43 queries depend on is planted in the original's proportions: most
search phrases, phone models and titles of advertisements empty, a few counters with most of the rows, one
user, one URL hash and one referer hash that they look for, users and URLs after a power law with about one
distinct value in six rows.
"""

import datetime
import pathlib

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

CHUNK = 500_000
SEED = 20130701
FIRST_DAY = datetime.date(2013, 7, 2)
DAYS = 30
USER = 435090932899640449
URL_HASH = 2868770270353813622
REFERER_HASH = 3594120000172545465

# (name, kind): the original's columns, in its order. A kind is what `column` below makes of it.
COLUMNS = [
    ("WatchID", "key"), ("JavaEnable", "flag"), ("Title", "title"), ("GoodEvent", "one"), ("EventTime", "time"),
    ("EventDate", "date"), ("CounterID", "counter"), ("ClientIP", "ip"), ("RegionID", "region"),
    ("UserID", "user"), ("CounterClass", "small:2"), ("OS", "small:90"), ("UserAgent", "small:80"),
    ("URL", "url"), ("Referer", "referer"), ("IsRefresh", "rare:0.15"), ("RefererCategoryID", "int16:9000"),
    ("RefererRegionID", "int32:500"), ("URLCategoryID", "int16:9000"), ("URLRegionID", "int32:500"),
    ("ResolutionWidth", "width"), ("ResolutionHeight", "height"), ("ResolutionDepth", "small:5"),
    ("FlashMajor", "small:12"), ("FlashMinor", "small:12"), ("FlashMinor2", "text:60:0.6"),
    ("NetMajor", "small:5"), ("NetMinor", "small:5"), ("UserAgentMajor", "small:40"),
    ("UserAgentMinor", "text:80:0.2"), ("CookieEnable", "one"), ("JavascriptEnable", "one"),
    ("IsMobile", "rare:0.08"), ("MobilePhone", "phone"), ("MobilePhoneModel", "model"), ("Params", "text:50:0.95"),
    ("IPNetworkID", "int32:4000000"), ("TraficSourceID", "source"), ("SearchEngineID", "engine"),
    ("SearchPhrase", "phrase"), ("AdvEngineID", "advertiser"), ("IsArtifical", "rare:0.05"),
    ("WindowClientWidth", "window"), ("WindowClientHeight", "window"), ("ClientTimeZone", "small:14"),
    ("ClientEventTime", "time"), ("SilverlightVersion1", "small:5"), ("SilverlightVersion2", "small:2"),
    ("SilverlightVersion3", "int32:60000"), ("SilverlightVersion4", "small:2"), ("PageCharset", "text:6:0.1"),
    ("CodeVersion", "int32:2000"), ("IsLink", "rare:0.07"), ("IsDownload", "rare:0.005"),
    ("IsNotBounce", "rare:0.1"), ("FUniqID", "key"), ("OriginalURL", "rareurl"), ("HID", "int32:1000000000"),
    ("IsOldCounter", "zero"), ("IsEvent", "zero"), ("IsParameter", "zero"), ("DontCountHits", "rare:0.25"),
    ("WithHash", "rare:0.02"), ("HitColor", "color"), ("LocalEventTime", "time"), ("Age", "small:60"),
    ("Sex", "small:3"), ("Income", "small:4"), ("Interests", "int16:30000"), ("Robotness", "small:3"),
    ("RemoteIP", "ip"), ("WindowName", "int32:3000"), ("OpenerName", "int32:3000"),
    ("HistoryLength", "small:40"), ("BrowserLanguage", "text:30:0"), ("BrowserCountry", "text:60:0"),
    ("SocialNetwork", "text:5:0.99"), ("SocialAction", "text:5:0.99"), ("HTTPError", "zero"),
    ("SendTiming", "int32:5000"), ("DNSTiming", "int32:500"), ("ConnectTiming", "int32:900"),
    ("ResponseStartTiming", "int32:3000"), ("ResponseEndTiming", "int32:6000"), ("FetchTiming", "int32:9000"),
    ("SocialSourceNetworkID", "zero"), ("SocialSourcePage", "text:50:0.99"), ("ParamPrice", "zero64"),
    ("ParamOrderID", "text:9:0.999"), ("ParamCurrency", "text:3:0.9"), ("ParamCurrencyID", "zero"),
    ("OpenstatServiceName", "text:6:0.99"), ("OpenstatCampaignID", "text:900:0.99"),
    ("OpenstatAdID", "text:900:0.99"), ("OpenstatSourceID", "text:90:0.99"), ("UTMSource", "text:90:0.97"),
    ("UTMMedium", "text:9:0.97"), ("UTMCampaign", "text:300:0.97"), ("UTMContent", "text:300:0.98"),
    ("UTMTerm", "text:900:0.99"), ("FromTag", "text:30:0.99"), ("HasGCLID", "rare:0.02"),
    ("RefererHash", "referer_hash"), ("URLHash", "url_hash"), ("CLID", "int32:40000"),
]

WORDS = np.array(
    "карта погода купить авто дом новости фильм онлайн скачать бесплатно музыка работа рецепт магазин отзывы "
    "google yandex video forum photo game travel hotel phone laptop kitchen garden school weather football".split()
)
HOSTS = np.array([f"{word}{number}.{end}" for number in range(60) for word in ("irr", "komme", "auto", "kino", "news", "smesh", "google", "video") for end in ("ru", "com", "net")])


def skewed(random, count, distinct, power=1.05):
    """`count` numbers below `distinct`, the small ones often: rank r about as often as r to the minus `power`."""
    ranks = (distinct + 1.0) ** random.random(count) if power <= 1.05 else random.zipf(power, count)
    return (np.minimum(ranks, distinct).astype(np.int64) - 1) % distinct


def mixed(random, count, distinct):
    """Half after a power law and half spread evenly: about `distinct` values, a few of them frequent."""
    head, tail = skewed(random, count, distinct), random.integers(0, distinct, count)
    return np.where(random.random(count) < 0.4, head, tail)


def hashed(numbers, salt):
    """Numbers spread over the 63 bits, one for one."""
    mask = np.uint64(0x7FFFFFFFFFFFFFFF)
    mixed_bits = (numbers.astype(np.uint64) + np.uint64(salt)) * np.uint64(0x9E3779B97F4A7C15)
    return ((mixed_bits ^ (mixed_bits >> np.uint64(29))) & mask).astype(np.int64)


def phrases(numbers):
    """A few words for each number."""
    size = len(WORDS)
    first, second, third = (WORDS[numbers // size**place % size] for place in range(3))
    number = np.char.mod(" %d", numbers // size**3)
    return np.char.add(np.char.add(np.char.add(np.char.add(np.char.add(first, " "), second), " "), third), number)


def addresses(numbers, scheme="http://"):
    """A URL for each number; the frequent numbers share few hosts."""
    hosts = HOSTS[hashed(numbers, 7) % len(HOSTS)]
    hosts = np.where(numbers % 3 == 0, np.char.add("www.", hosts), hosts)
    return np.char.add(np.char.add(np.char.add(scheme, hosts), "/catalog/"), np.char.mod("%d.html?from=list", numbers))


class Rows:
    """What the columns of one chunk have in common."""

    def __init__(self, random, count, total):
        self.random, self.count = random, count
        self.users = mixed(random, count, max(total // 6, 10))
        self.urls = mixed(random, count, max(total // 6, 10))
        self.referers = mixed(random, count, max(total // 6, 10))
        self.searches = random.random(count) < 0.13
        self.mobile = random.random(count) < 0.06
        self.seconds = random.integers(0, DAYS * 86_400, count)
        # One counter in the queries has a good part of one percent of the rows.
        self.counters = np.where(random.random(count) < 0.0075, 62, skewed(random, count, 6500) * 37 + 11)
        self.distinct_phrases = max(total // 17, 10)

    def integers(self, low, high, kind):
        return pa.array(self.random.integers(low, high, self.count), kind)

    def column(self, kind):
        """The values of a kind."""
        name, *arguments = kind.split(":")
        random, count = self.random, self.count
        match name:
            case "key":
                return self.integers(0, 2**62, pa.int64())
            case "flag":
                return pa.array((random.random(count) < 0.8).astype(np.int16))
            case "one":
                return pa.array(np.ones(count, np.int16))
            case "zero":
                return pa.array(np.zeros(count, np.int16))
            case "zero64":
                return pa.array(np.zeros(count, np.int64))
            case "rare":
                return pa.array((random.random(count) < float(arguments[0])).astype(np.int16))
            case "small":
                return pa.array(skewed(random, count, int(arguments[0])), pa.int16())
            case "int16":
                return pa.array(skewed(random, count, int(arguments[0])), pa.int16())
            case "int32":
                return pa.array(skewed(random, count, int(arguments[0])), pa.int32())
            case "time":
                start = int(datetime.datetime.combine(FIRST_DAY, datetime.time(), datetime.timezone.utc).timestamp())
                return pa.array((self.seconds + start) * 1_000_000, pa.timestamp("us"))
            case "date":
                start = (FIRST_DAY - datetime.date(1970, 1, 1)).days
                return pa.array((self.seconds // 86_400 + start).astype(np.int32), pa.date32())
            case "counter":
                return pa.array(self.counters, pa.int32())
            case "ip":
                return pa.array((hashed(self.users, 3) % 2**32 - 2**31).astype(np.int64), pa.int32())
            case "region":
                return pa.array(skewed(random, count, 5000), pa.int32())
            case "user":
                return pa.array(np.where(self.users == 5, USER, hashed(self.users, 1)))
            case "url":
                return pa.array(addresses(self.urls))
            case "rareurl":
                return pa.array(np.where(random.random(count) < 0.2, addresses(self.urls), ""))
            case "referer":
                return pa.array(np.where(random.random(count) < 0.2, "", addresses(self.referers, "https://")))
            case "title":
                titles = np.where(self.urls % 900 == 7, np.char.add("Google - ", phrases(self.urls // 2)), phrases(self.urls // 2))
                return pa.array(np.where(random.random(count) < 0.15, "", titles))
            case "width":
                return pa.array(np.array([1368, 1024, 1280, 1440, 1600, 1920, 0, 320], np.int16)[skewed(random, count, 8)])
            case "height":
                return pa.array(np.array([768, 1024, 800, 900, 1200, 1080, 0, 480], np.int16)[skewed(random, count, 8)])
            case "window":
                return pa.array(np.where(random.random(count) < 0.3, 0, random.integers(200, 2000, count)), pa.int16())
            case "phone":
                return pa.array(np.where(self.mobile, skewed(random, count, 90) + 1, 0), pa.int16())
            case "model":
                models = np.char.mod("model %d", skewed(random, count, 160))
                return pa.array(np.where(self.mobile, models, ""))
            case "source":
                return pa.array(np.array([-1, 0, 1, 2, 3, 4, 5, 6, 8], np.int16)[skewed(random, count, 9)])
            case "engine":
                return pa.array(np.where(self.searches, skewed(random, count, 90) + 1, 0), pa.int16())
            case "phrase":
                return pa.array(np.where(self.searches, phrases(mixed(random, count, self.distinct_phrases)), ""))
            case "advertiser":
                return pa.array(np.where(random.random(count) < 0.0063, skewed(random, count, 60) + 1, 0), pa.int16())
            case "color":
                return pa.array(np.array(["5", "d", "g", "i", "r", "e", "T"])[skewed(random, count, 7)])
            case "text":
                texts = np.char.mod("value %d", skewed(random, count, int(arguments[0])))
                return pa.array(np.where(random.random(count) < float(arguments[1]), "", texts))
            case "referer_hash":
                return pa.array(np.where(self.referers < 40, REFERER_HASH, hashed(self.referers, 5)))
            case "url_hash":
                return pa.array(np.where(self.urls < 60, URL_HASH, hashed(self.urls, 4)))
        raise ValueError(f"no such kind of column: {kind}")


def generate(folder: pathlib.Path, rows: int) -> None:
    """Writes `rows` rows as Parquet files of half a million into `folder`/hits."""
    target = folder / "hits"
    target.mkdir(parents=True, exist_ok=True)
    for number, start in enumerate(range(0, rows, CHUNK)):
        random = np.random.default_rng([SEED, number])
        chunk = Rows(random, min(CHUNK, rows - start), rows)
        table = pa.table({name: chunk.column(kind) for name, kind in COLUMNS})
        pq.write_table(table, target / f"hits-{number:04}.parquet", compression="zstd", row_group_size=125_000)
