//! The exact text of each format.

use unicode_width::UnicodeWidthStr;

use super::*;

#[test]
fn table() {
    assert_eq!(
        one(Format::Table, &people()),
        "\
┌────────┬─────────┬────────┐
│     id │ name    │  Ratio │
│ BIGINT │ VARCHAR │ DOUBLE │
├────────┼─────────┼────────┤
│      1 │ a, \"b\"  │    0.1 │
│    -20 │ NULL    │    NaN │
│   NULL │         │  1e300 │
└────────┴─────────┴────────┘
(3 rows)
"
    );
}

#[test]
fn a_table_aligns_by_width_and_shows_what_is_hidden() {
    let values = texts(&[
        Some("数据"),
        Some("e\u{301}"),
        Some("👩‍👩‍👧"),
        Some("a\nb\t"),
        Some("NULL"),
        Some("'NULL'"),
    ]);
    assert_eq!(
        one(Format::Table, &batch(vec![("名\n前", values)])),
        "\
┌──────────┐
│ 名\\n前   │
│ VARCHAR  │
├──────────┤
│ 数据     │
│ e\u{301}        │
│ 👩‍👩‍👧       │
│ a\\nb\\t   │
│ 'NULL'   │
│ ''NULL'' │
└──────────┘
(6 rows)
"
    );
}

#[test]
fn a_table_without_rows_or_columns() {
    assert_eq!(
        one(Format::Table, &people().slice(0, 0)),
        "\
┌────────┬─────────┬────────┐
│     id │ name    │  Ratio │
│ BIGINT │ VARCHAR │ DOUBLE │
├────────┼─────────┼────────┤
└────────┴─────────┴────────┘
(0 rows)
"
    );
    assert_eq!(one(Format::Table, &no_columns(1)), "(1 row)\n");
}

#[test]
fn a_table_grows_wider_and_never_cuts() {
    let long = "x".repeat(50);
    let values: Vec<_> = (0..2001)
        .map(|i| Some(if i == 1500 { long.as_str() } else { "y" }))
        .collect();
    let table = one(Format::Table, &batch(vec![("v", texts(&values))]));
    let lines: Vec<_> = table.lines().collect();
    assert_eq!(lines.len(), 2001 + 6);
    assert_eq!(lines[4 + 999], "│ y       │");
    assert_eq!(lines[4 + 1000], format!("│ y{} │", " ".repeat(49)));
    assert_eq!(lines[4 + 1500], format!("│ {long} │"));
    assert_eq!(lines[4 + 2001], format!("└{}┘", "─".repeat(52)));
    assert_eq!(lines[5 + 2001], "(2001 rows)");
}

#[test]
fn expanded() {
    assert_eq!(
        one(Format::Expanded, &people().slice(0, 2)),
        "\
-[ RECORD 1 ]-
id    | 1
name  | a, \"b\"
Ratio | 0.1
-[ RECORD 2 ]-
id    | -20
name  | NULL
Ratio | NaN
(2 rows)
"
    );
    let wide = batch(vec![("a_rather_long_name", texts(&[Some("a\nb")]))]);
    assert_eq!(
        one(Format::Expanded, &wide),
        "-[ RECORD 1 ]------+-\na_rather_long_name | a\\nb\n(1 row)\n"
    );
    assert_eq!(one(Format::Expanded, &wide.slice(0, 0)), "(0 rows)\n");
}

#[test]
fn csv() {
    assert_eq!(
        one(Format::Csv, &people()),
        "id,name,Ratio\n1,\"a, \"\"b\"\"\",0.1\n-20,,NaN\n,\"\",1e300\n"
    );
    let values = [
        Some(" a"),
        Some("a "),
        Some("a\nb"),
        Some("a\rb"),
        Some("é;'\\"),
        None,
        Some("NULL"),
    ];
    let one_column = batch(vec![("a \"b\"", texts(&values))]);
    assert_eq!(
        one(Format::Csv, &one_column),
        "\"a \"\"b\"\"\"\n\" a\"\n\"a \"\n\"a\nb\"\n\"a\rb\"\né;'\\\n\nNULL\n"
    );
    assert_eq!(one(Format::Csv, &people().slice(0, 0)), "id,name,Ratio\n");
    assert_eq!(one(Format::Csv, &no_columns(3)), "");
}

#[test]
fn tsv() {
    let values = [Some("a\tb\nc\rd\\e"), None, Some(""), Some("\\N")];
    let batch = batch(vec![("k\t", texts(&values)), ("v", texts(&values))]);
    let field = "a\\tb\\nc\\rd\\\\e";
    assert_eq!(
        one(Format::Tsv, &batch),
        format!("k\\t\tv\n{field}\t{field}\n\\N\t\\N\n\t\n\\\\N\t\\\\N\n")
    );
}

#[test]
fn json() {
    assert_eq!(
        one(Format::Json, &people()),
        "[\n{\"id\":1,\"name\":\"a, \\\"b\\\"\",\"Ratio\":0.1},\n\
         {\"id\":-20,\"name\":null,\"Ratio\":null},\n\
         {\"id\":null,\"name\":\"\",\"Ratio\":1e300}\n]\n"
    );
    assert_eq!(one(Format::Json, &people().slice(0, 0)), "[]\n");
    assert_eq!(one(Format::Json, &no_columns(2)), "[\n{},\n{}\n]\n");
}

#[test]
fn ndjson() {
    let batch = batch(vec![("a\"", texts(&[Some("\u{1}\u{8}\u{c}\r\n\t\\/é😀\u{7f}")]))]);
    assert_eq!(
        one(Format::Ndjson, &batch),
        "{\"a\\\"\":\"\\u0001\\b\\f\\r\\n\\t\\\\/é😀\u{7f}\"}\n"
    );
    assert_eq!(one(Format::Ndjson, &batch.slice(0, 0)), "");
}

#[test]
fn markdown() {
    assert_eq!(
        one(Format::Markdown, &people()),
        "| id | name | Ratio |\n| ---: | --- | ---: |\n\
         | 1 | a, \"b\" | 0.1 |\n| -20 | NULL | NaN |\n| NULL |  | 1e300 |\n"
    );
    let values = [
        Some("a|b\nc"),
        Some("user_id _x_ *b* `c` \\ <i> &lt; [t](u)"),
        Some("NULL"),
    ];
    assert_eq!(
        one(Format::Markdown, &batch(vec![("event_type", texts(&values))])),
        "| event_type |\n| --- |\n| a\\|b<br>c |\n\
         | user_id \\_x\\_ \\*b\\* \\`c\\` \\\\ \\<i> \\&lt; [t]\\(u) |\n| 'NULL' |\n"
    );
}

#[test]
fn html() {
    let values = [Some("<b>&\"'\n\u{1}"), None, Some("")];
    assert_eq!(
        one(Format::Html, &batch(vec![("a<", texts(&values))])),
        "<table>\n<thead>\n<tr><th>a&lt;</th></tr>\n</thead>\n<tbody>\n\
         <tr><td>&lt;b&gt;&amp;\"'<br>\\u{1}</td></tr>\n<tr><td>NULL</td></tr>\n<tr><td></td></tr>\n\
         </tbody>\n</table>\n"
    );
}

#[test]
fn insert() {
    assert_eq!(
        one(Format::Insert, &people()),
        "INSERT INTO result (id, name, \"Ratio\") VALUES\n(1, 'a, \"b\"', 0.1),\n\
         (-20, NULL, CAST('NaN' AS DOUBLE)),\n(NULL, '', 1e300);\n"
    );
    assert_eq!(one(Format::Insert, &people().slice(0, 0)), "");
    assert_eq!(
        one(Format::Insert, &no_columns(2)),
        "INSERT INTO result DEFAULT VALUES;\n".repeat(2)
    );

    let options = RenderOptions {
        insert_table: "curated.\"My table\"".to_owned(),
        ..RenderOptions::default()
    };
    let values: Vec<_> = (0..2000).map(|_| Some("it's")).collect();
    let batches = [batch(vec![("order", texts(&values))])];
    let sql = String::from_utf8(try_render(Format::Insert, options, &[&batches]).unwrap()).unwrap();
    let head = "INSERT INTO curated.\"My table\" (\"order\") VALUES\n";
    let statement = format!("{head}{}('it''s');\n", "('it''s'),\n".repeat(999));
    assert_eq!(sql, statement.repeat(2));
}

#[test]
fn several_results_are_separated_by_an_empty_line() {
    let (a, b) = (
        batch(vec![("a", texts(&[Some("x")]))]),
        batch(vec![("b", texts(&[None]))]),
    );
    let both = |format| text(format, &[from_ref(&a), from_ref(&b)]);
    assert_eq!(both(Format::Csv), "a\nx\n\nb\n\n");
    assert_eq!(both(Format::Json), "[\n{\"a\":\"x\"}\n]\n\n[\n{\"b\":null}\n]\n");
    let takes_text = |format: &&Format| !format.is_binary() && **format != Format::Chart;
    for format in Format::ALL.iter().filter(takes_text) {
        assert_eq!(
            both(*format),
            format!("{}\n{}", one(*format, &a), one(*format, &b)),
            "{format}"
        );
    }
}

#[test]
fn a_text_for_null_may_be_chosen() {
    let options = RenderOptions {
        null_text: "∅".to_owned(),
        ..RenderOptions::default()
    };
    let values = [batch(vec![("a", texts(&[None, Some("∅"), Some("NULL")]))])];
    let text = String::from_utf8(try_render(Format::Markdown, options, &[&values]).unwrap()).unwrap();
    assert_eq!(text, "| a |\n| --- |\n| ∅ |\n| '∅' |\n| NULL |\n");
}

#[test]
fn a_table_that_does_not_fit_says_so() {
    let wide = [batch(vec![
        ("id", Arc::new(Int64Array::from(vec![1, 2]))),
        (
            "title",
            texts(&[Some("a title that is 数据 and too long"), Some("b")]),
        ),
        ("price", Arc::new(Int64Array::from(vec![1_000_000, 2]))),
        ("note", texts(&[Some("a note that is quite long too"), None])),
    ])];
    let fitted = |screen| {
        let options = RenderOptions {
            row_count: false,
            fit: Some(Fit {
                screen,
                way_out: "ask".to_owned(),
            }),
            ..RenderOptions::default()
        };
        String::from_utf8(try_render(Format::Table, options, &[&wide]).unwrap()).unwrap()
    };
    assert_eq!(
        fitted(45),
        "\
┌────────┬────────────────────┬─────────┬───┐
│     id │ title              │   price │ … │
│ BIGINT │ VARCHAR            │  BIGINT │ … │
├────────┼────────────────────┼─────────┼───┤
│      1 │ a title that is …  │ 1000000 │ … │
│      2 │ b                  │       2 │ … │
└────────┴────────────────────┴─────────┴───┘
columns not shown: note; cut at …: title
(ask)
"
    );
    let whole = fitted(200);
    assert!(!whole.contains('…') && whole.ends_with("┘\n"), "{whole}");
    for screen in 1..120 {
        let text = fitted(screen);
        let widest = text
            .lines()
            .filter(|l| !l.starts_with('c'))
            .map(UnicodeWidthStr::width)
            .max();
        assert!(screen < 20 || widest <= Some(screen), "{screen}\n{text}");
    }
}
