//! `--param`: values that are bound, never spliced.

use crate::program::Lake;

#[test]
fn a_value_is_text_unless_it_has_a_type() {
    let lake = Lake::new();
    let run = lake.run(&[
        "--param",
        "n:INT=41",
        "--param",
        "name=Ada; DROP TABLE x --'",
        "--param",
        "day:DATE=2026-01-31",
        "--param",
        "at:TIMESTAMP=2026-01-31 12:00:00",
        "--param",
        "price:DECIMAL(10,2)=9.50",
        "--param",
        "yes:BOOLEAN=true",
        "--param",
        "empty=",
        "--param",
        "equals=a=b",
        "-c",
        "SELECT $n + 1 AS n, $name AS name, $day + INTERVAL '1 day' AS day, $at AS at, $price * 2 AS price, \
         NOT $yes AS yes, $empty AS empty, $equals AS equals",
    ]);
    assert_eq!(
        run.rows(),
        "n,name,day,at,price,yes,empty,equals\n\
         42,Ada; DROP TABLE x --',2026-02-01,2026-01-31T12:00:00,19.00,false,\"\",a=b\n"
    );
}

#[test]
fn a_value_is_used_in_every_kind_of_statement() {
    let lake = Lake::new();
    let sql = "CREATE TABLE raw.t AS SELECT $n AS n, $s AS s;
        INSERT INTO raw.t SELECT $n + 1, $s || '!';
        SELECT * FROM raw.t WHERE n >= $n AND s LIKE $s || '%' ORDER BY n LIMIT $limit";
    let run = lake.run(&[
        "-q",
        "--param",
        "n:BIGINT=1",
        "--param",
        "s=x",
        "--param",
        "limit:BIGINT=5",
        "-c",
        sql,
    ]);
    assert_eq!(run.rows(), "n,s\n1,x\n2,x!\n");
}

#[test]
fn a_value_of_the_wrong_type_is_a_wrong_command_line() {
    let lake = Lake::new();
    for (parameter, said) in [
        (
            "n:INT=many",
            "error[22023]: parameter 'n': 'many' is not of type INT\n",
        ),
        ("n:INT=", "error[22023]: parameter 'n': '' is not of type INT\n"),
        (
            "n:TINYINT=300",
            "error[22023]: parameter 'n': '300' is not of type TINYINT\n",
        ),
        (
            "d:DATE=2026-02-30",
            "error[22023]: parameter 'd': '2026-02-30' is not of type DATE\n",
        ),
        (
            "n:WHOLE=1",
            "error[22023]: parameter 'n': tables have no columns of type WHOLE\n",
        ),
    ] {
        let run = lake.run(&["-c", "SELECT 1", "--param", parameter]);
        assert_eq!(run.error(2), said);
    }
    for parameter in ["n", "=1", "a b=1", ":INT=1"] {
        let run = lake.run(&["-c", "SELECT 1", "--param", parameter]);
        assert_eq!(
            run.error(2),
            format!(
                "error[22023]: '{parameter}' is not a parameter\n\
                 hint: write name=value or name:TYPE=value\n"
            )
        );
    }
}

#[test]
fn a_placeholder_without_a_value_is_an_error_at_its_place() {
    let lake = Lake::new();
    let run = lake.run(&["--param", "user_id:INT=1", "-c", "SELECT 1 AS a,\n  $user AS b"]);
    assert_eq!(
        run.error(1),
        "error[42P02]: parameter '$user' has no value\n  \
         --> -c:2:3\n\
         2 |   $user AS b\n  \
         |   ^^^^^\n\
         hint: did you mean 'user_id'?\n"
    );
    let run = lake.sql("SELECT ? AS a, ? AS b");
    assert_eq!(
        run.error(1),
        "error[42P02]: parameter '$1' has no value\n  \
         --> -c:1:8\n\
         1 | SELECT ? AS a, ? AS b\n  \
         |        ^\n\
         hint: no parameters are given\n"
    );
    let run = lake.sql("SELECT $2 AS a");
    assert!(
        run.error(1)
            .starts_with("error[42P02]: parameter '$2' has no value\n  --> -c:1:8\n")
    );
    let run = lake.sql("SELECT ?, $1");
    assert!(
        run.error(1)
            .starts_with("error[42601]: a statement has either '?' or numbered placeholders")
    );
}

#[test]
fn a_value_that_no_statement_uses_is_no_error() {
    let lake = Lake::new();
    let run = lake.run(&["--param", "unused=1", "-c", "SELECT 1 AS a"]);
    assert_eq!(run.rows(), "a\n1\n");
}

#[test]
fn the_last_value_of_a_name_counts() {
    let lake = Lake::new();
    let run = lake.run(&["--param", "a=1", "--param", "a:INT=2", "-c", "SELECT $a + 1 AS a"]);
    assert_eq!(run.rows(), "a\n3\n");
}

#[test]
fn a_number_is_the_name_of_a_placeholder_by_position() {
    let lake = Lake::new();
    let values = ["--param", "1:INT=10", "--param", "2=x"];
    let run = |sql| lake.run(&[&values[..], &["-c", sql]].concat());
    assert_eq!(
        run("SELECT ? AS a, ? AS b; SELECT $2 AS c, $1 AS d").rows(),
        "a,b\n10,x\n\nc,d\nx,10\n"
    );
}

#[test]
fn a_placeholder_in_a_string_is_text() {
    let lake = Lake::new();
    let run = lake.run(&["--param", "a=1", "-c", "SELECT '$a ?' AS t -- $b ?"]);
    assert_eq!(run.rows(), "t\n$a ?\n");
}
