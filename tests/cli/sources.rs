//! Where statements come from: `-c`, `-f`, stdin; how a text is cut into statements.

use crate::program::{Lake, Run};

#[test]
fn commands_run_in_order_in_one_session() {
    let lake = Lake::new();
    let run = lake.run(&[
        "-q",
        "-c",
        "USE curated; SELECT 1 AS a",
        "--command",
        "CREATE TABLE t AS SELECT 2 AS b",
    ]);
    assert_eq!(run.rows(), "a\n1\n");
    assert_eq!(lake.sql("SELECT b FROM curated.t").rows(), "b\n2\n");
}

#[test]
fn a_command_may_begin_with_a_comment() {
    let run = Lake::new().run(&["-c", "-- the one\nSELECT 1 AS a"]);
    assert_eq!(run.rows(), "a\n1\n");
}

#[test]
fn files_and_stdin_run_in_the_order_named() {
    let lake = Lake::new();
    lake.write("one.sql", "SELECT 1 AS one");
    lake.write("two.sql", "SELECT 2 AS two;\n");
    let expected = "two\n2\n\nhere\n3\n\none\n1\n";
    for arguments in [
        &["-f", "two.sql", "-", "one.sql"][..],
        &["-f", "two.sql", "-f", "-", "-f", "one.sql"],
        &["--file", "two.sql", "--file=-", "--file=one.sql"],
    ] {
        let run = Run::of(lake.weir().args(arguments).write_stdin("SELECT 3 AS here"));
        assert_eq!(run.rows(), expected, "{arguments:?}");
    }
}

#[test]
fn a_pipe_is_a_batch() {
    let lake = Lake::new();
    let run = Run::of(lake.weir().write_stdin("SELECT 1 AS a;\nSELECT 2 AS a;\n"));
    assert_eq!(run.rows(), "a\n1\n\na\n2\n");
}

#[test]
fn nothing_to_do_is_done() {
    let lake = Lake::new();
    lake.write("empty.sql", "");
    lake.write("comment.sql", "-- nothing; at all\n;;/* ; */\n");
    assert_eq!(Run::of(lake.weir().write_stdin("")).rows(), "");
    assert_eq!(lake.run(&["-f", "empty.sql", "comment.sql"]).rows(), "");
    assert_eq!(lake.sql("").rows(), "");
}

#[test]
fn semicolons_in_strings_comments_and_dollar_quotes_end_nothing() {
    let lake = Lake::new();
    lake.write(
        "script.sql",
        "SELECT 'a;b' AS a, -- one; two\n\
         \"x;y\" /* ;\n;\n*/ FROM (VALUES ($$c;'d$$)) AS t(\"x;y\")\n;\n\n;\
         SELECT\n\n  'it''s;' AS quote,\n  $tag$ $$;$$ $tag$ AS tagged;\n-- the end;",
    );
    assert_eq!(
        lake.run(&["-f", "script.sql"]).rows(),
        "a,x;y\na;b,c;'d\n\nquote,tagged\nit's;,\" $$;$$ \"\n"
    );
}

#[test]
fn windows_files_and_byte_order_marks_are_read() {
    let lake = Lake::new();
    lake.write(
        "bom.sql",
        b"\xef\xbb\xbfSELECT 1 AS a;\r\n-- comment\r\nSELECT\r\n 'x' AS b\r\n;\r\n",
    );
    assert_eq!(lake.run(&["-f", "bom.sql"]).rows(), "a\n1\n\nb\nx\n");
    let run = Run::of(lake.weir().write_stdin(&b"\xef\xbb\xbfSELECT 1 AS a"[..]));
    assert_eq!(run.rows(), "a\n1\n");
}

#[test]
fn a_text_that_is_not_utf_8_is_refused_before_anything_runs() {
    let lake = Lake::new();
    lake.write("bad.sql", b"SELECT 1 AS a;\nSELECT '\xff' AS b");
    let run = lake.run(&["-f", "bad.sql"]);
    assert_eq!(
        run.error(2),
        "error[22023]: 'bad.sql' is not UTF-8 text: line 2\n"
    );
    let run = Run::of(lake.weir().write_stdin(&b"\xc3\x28"[..]));
    assert_eq!(run.error(2), "error[22023]: 'stdin' is not UTF-8 text: line 1\n");
}

#[test]
fn a_file_that_is_not_there_is_said_before_anything_runs() {
    let lake = Lake::new();
    lake.write("one.sql", "SELECT 1 AS a");
    let run = lake.run(&["-f", "one.sql", "two.sql"]);
    assert_eq!(
        run.error(1),
        "error[58P01]: cannot read 'two.sql': No such file or directory (os error 2)\n"
    );
    let run = lake.run(&["-f", "."]);
    assert_eq!(
        run.error(1),
        "error[42809]: cannot read '.': Is a directory (os error 21)\n"
    );
}

#[test]
fn a_wrong_command_line_is_code_two() {
    let lake = Lake::new();
    for (arguments, said) in [
        (&["--bogus"][..], "unexpected argument '--bogus'"),
        (&["bogus"], "unrecognized subcommand 'bogus'"),
        (&["-c"], "a value is required for '--command <SQL>'"),
        (
            &["-c", "SELECT 1", "-f", "x.sql"],
            "cannot be used with '--file <FILE>...'",
        ),
        (
            &["-c", "SELECT 1", "--format", "exel"],
            "error[22023]: unknown format 'exel'",
        ),
        (
            &["-c", "SELECT 1", "--format", "tabel"],
            "hint: did you mean 'table'?",
        ),
        (
            &["-c", "SELECT 1", "--threads", "0"],
            "error[22023]: --threads is at least 1",
        ),
        (
            &["-c", "SELECT 1", "--threads", "many"],
            "invalid value 'many' for '--threads <N>'",
        ),
        (
            &["demo", "--rows", "some"],
            "invalid value 'some' for '--rows <ROWS>'",
        ),
    ] {
        let run = lake.run(arguments);
        assert!(run.error(2).contains(said), "{arguments:?}: {}", run.stderr);
    }
}
