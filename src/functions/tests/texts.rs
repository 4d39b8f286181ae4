//! Text, validity and similarity.

use proptest::prelude::*;

use super::session::{STRING_TYPES, refusal, shown};

#[tokio::test]
async fn normalize_text_takes_one_spelling() {
    for (text, wanted) in [
        ("''", ""),
        ("'   '", ""),
        ("'  A\t\n b  '", "a b"),
        ("'Straße'", "strasse"),
        // A decomposed letter, a no-break space, an ideographic space.
        ("'Cafe\u{301}\u{a0}\u{3000}X'", "café x"),
        ("'ΣΊΣΥΦΟΣ'", "σίσυφοσ"),
        ("'İ'", "i\u{307}"),
        ("'ﬁn'", "fin"),
    ] {
        for data_type in STRING_TYPES {
            let sql = format!("SELECT normalize_text(arrow_cast({text}, '{data_type}'))");
            assert_eq!(shown(&sql).await, wanted, "{sql}");
        }
    }
    assert_eq!(
        shown("SELECT normalize_text(x) FROM (VALUES (' A'), (NULL), ('b ')) t(x)").await,
        "a;∅;b"
    );
    assert_eq!(shown("SELECT normalize_text(NULL)").await, "∅");
    assert_eq!(
        refusal("SELECT normalize_text(1)").await,
        "42804 normalize_text: argument 's' must be text, not BIGINT"
    );
}

#[tokio::test]
async fn strip_html_keeps_the_text() {
    for (html, wanted) in [
        ("plain  text", "plain text"),
        ("<p>a &amp; <b>b</b>c</p><p>d</p>", "a & bc d"),
        ("a<br>b<br/>c", "a b c"),
        ("x<script>if (a < b) { \"</p>\" }</script>y", "x y"),
        ("x<style>p { }</style>y<!-- no <b> -->z", "x yz"),
        ("1 < 2 &lt;b&gt; &#233;&nbsp;&eacute", "1 < 2 <b> é é"),
        ("<a href=\"x>y\" title=''>link</a>", "link"),
        ("<td>1</td><td>2</td>", "1 2"),
        ("a <b unfinished", "a"),
        ("", ""),
    ] {
        let sql = format!("SELECT strip_html('{}')", html.replace('\'', "''"));
        assert_eq!(shown(&sql).await, wanted, "{html}");
    }
}

async fn all_are(function: &str, texts: &[&str], wanted: &str) {
    for text in texts {
        let sql = format!("SELECT {function}('{}')", text.replace('\'', "''"));
        assert_eq!(shown(&sql).await, wanted, "{function}({text:?})");
    }
}

#[tokio::test]
async fn validity_follows_the_standards() {
    all_are(
        "is_email",
        &[
            "a@b.co",
            "first.last+tag@sub.example.org",
            "o'hara@example.com",
            "用户@例子.广告",
        ],
        "true",
    )
    .await;
    all_are(
        "is_email",
        &[
            "",
            "a",
            "a@b",
            "a@@b.co",
            " a@b.co",
            "a@b.co ",
            "a b@c.de",
            "A <a@b.co>",
            "a@[1.2.3.4]",
            ".a@b.co",
            "a..b@c.de",
        ],
        "false",
    )
    .await;
    all_are(
        "is_phone",
        &[
            "+49 30 123456",
            "+1 (415) 555-2671",
            "+14155552671",
            "+44.20.7946.0958",
            "+358 9 1234567",
        ],
        "true",
    )
    .await;
    all_are(
        "is_phone",
        &[
            "",
            "+",
            "030 123456",
            "+49",
            "+0 123 456 789",
            "+49 30 12345678901234",
            "+49--30123456",
            "+49 30 123456 ",
            "+1 (415 5552671",
            "+999 123 45678",
            "+49 30 12a456",
        ],
        "false",
    )
    .await;
    all_are(
        "is_url",
        &[
            "https://example.org",
            "http://a.b/c?d=e#f",
            "ftp://host/x",
            "https://[::1]:8080/",
            "https://example.org/%C3%BC",
        ],
        "true",
    )
    .await;
    all_are(
        "is_url",
        &[
            "",
            "example.org",
            "/a/b",
            "mailto:a@b.co",
            "http://",
            "http:/example.org",
            " https://example.org",
            "https://exa mple.org",
            "https://a.b/c d",
            "file:///etc",
        ],
        "false",
    )
    .await;
    all_are(
        "is_uuid",
        &[
            "f81d4fae-7dec-11d0-a765-00a0c91e6bf6",
            "F81D4FAE-7DEC-11D0-A765-00A0C91E6BF6",
        ],
        "true",
    )
    .await;
    all_are(
        "is_uuid",
        &[
            "",
            "f81d4fae7dec11d0a76500a0c91e6bf6",
            "{f81d4fae-7dec-11d0-a765-00a0c91e6bf6}",
            "g81d4fae-7dec-11d0-a765-00a0c91e6bf6",
        ],
        "false",
    )
    .await;
    all_are(
        "is_ip",
        &["127.0.0.1", "::1", "2001:db8::ff00:42:8329", "::ffff:1.2.3.4"],
        "true",
    )
    .await;
    all_are(
        "is_ip",
        &[
            "",
            "127.0.0.01",
            "1.2.3",
            "256.1.1.1",
            "1.2.3.4/8",
            "::1%eth0",
            "[::1]",
            "1.2.3.4 ",
        ],
        "false",
    )
    .await;
    assert_eq!(
        shown("SELECT is_ip(x) FROM (VALUES ('::'), (NULL)) t(x)").await,
        "true;∅"
    );
}

#[tokio::test]
async fn similarity_has_duckdbs_answers() {
    assert_eq!(shown("SELECT damerau_levenshtein('ca', 'abc'), damerau_levenshtein('', ''), damerau_levenshtein('é', 'e')").await, "2|0|1");
    assert_eq!(
        shown("SELECT jaro('martha', 'marhta'), jaro('', 'a'), jaro_similarity('a', 'a')").await,
        "0.9444444444444445|0.0|1.0"
    );
    assert_eq!(
        shown("SELECT jaro_winkler('martha', 'marhta'), jaro_winkler('abcdefgh12', 'abcdefgh21')").await,
        "0.9611111111111111|0.98"
    );
    let close: f64 = shown("SELECT jaro_winkler('DIXON', 'DICKSONX')")
        .await
        .parse()
        .unwrap();
    assert!((close - 0.8133333333333332).abs() < 1e-15);
    assert_eq!(
        shown("SELECT jaro(a, 'b') FROM (VALUES ('b'), (NULL), ('c')) t(a)").await,
        "1.0;∅;0.0"
    );
    assert_eq!(shown("SELECT jaro('b', NULL)").await, "∅");
}

proptest! {
    #[test]
    fn normalized_text_is_normalized(text in "\\PC*") {
        let mut once = String::new();
        crate::functions::text::normalize(&text, &mut once);
        let mut twice = String::new();
        crate::functions::text::normalize(&once, &mut twice);
        prop_assert_eq!(once, twice);
    }

    #[test]
    fn no_html_breaks_it(html in "[<>/a-c&;!\\-\" p]{0,40}") {
        let mut text = String::new();
        crate::functions::text::strip_html(&html, &mut text);
        prop_assert!(!text.contains("  ") && text.trim() == text);
    }
}
