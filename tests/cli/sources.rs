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

#[test]
fn the_shells_commands_stand_between_statements() {
    let lake = Lake::new();
    lake.write("inner.sql", ".mode csv\nSELECT $n AS four;\n");
    lake.write(
        "script.sql",
        "SELECT 1 AS a;\n\
         .mode ndjson\n\
         SELECT 2 AS b; SELECT 3 AS c \\G\n\
         .param n:BIGINT=4\n\
         .read inner.sql\n\
         .once out.json\n\
         SELECT 5 AS d;\n\
         .last\n\
         .output all.csv\n\
         SELECT 6 AS e;\n\
         .output\n\
         SELECT 7 AS f;\n\
         .quit\n\
         SELECT 8 AS never;\n",
    );
    let expected = "a\n1\n\n{\"b\":2}\n\n-[ RECORD 1 ]-\nc | 3\n(1 row)\n\nfour\n4\n\nd\n5\n\nf\n7\n";
    let read = |name: &str| std::fs::read_to_string(lake.here().join(name)).unwrap();
    assert_eq!(lake.run(&["-f", "script.sql"]).rows(), expected);
    assert_eq!(read("out.json"), "[\n{\"d\":5}\n]\n");
    assert_eq!(read("all.csv"), "e\n6\n");
    let script = read("script.sql");
    assert_eq!(Run::of(lake.weir().write_stdin(script)).rows(), expected);
}

#[test]
fn commands_tell_their_errors_with_an_exit_code() {
    let lake = Lake::new();
    let failed = |text: &str| {
        let run = Run::of(lake.weir().write_stdin(text.to_owned()));
        (run.code, run.stdout, run.stderr)
    };
    let (code, stdout, stderr) = failed("SELECT 1 AS a;\n.mode xml\nSELECT 2 AS b;\n");
    assert_eq!((code, stdout.as_str()), (Some(1), "a\n1\n"));
    assert!(stderr.contains("xml"), "{stderr}");
    let (code, stdout, stderr) = failed(".mode csv\nSELECT\n  nosuch;\nSELECT 2 AS b;\n");
    assert_eq!((code, stdout.as_str()), (Some(1), ""));
    assert!(stderr.contains("stdin:3:3"), "{stderr}");
    let (code, _, stderr) = failed(".edit\n");
    assert_eq!(code, Some(1));
    assert!(
        stderr.contains("'.edit' is for a person at a terminal"),
        "{stderr}"
    );
    let mut weir = lake.weir();
    let run = Run::of(
        weir.arg("--continue-on-error")
            .write_stdin(".nosuch\nSELECT 2 AS b;\n"),
    );
    assert_eq!((run.code, run.stdout.as_str()), (Some(1), "b\n2\n"));
}
