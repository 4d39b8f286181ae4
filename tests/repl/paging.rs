//! Results longer than the screen.

use std::fs;

use super::person::{PROMPT, Shell, Shop};

/// A shell with `less`, on a screen of 20 lines.
fn shell_with_less(shop: &Shop) -> Shell {
    let mut command = shop.command();
    command.env("PAGER", "less");
    let mut shell = shop.shell_by(command, true);
    shell.resize(60, 20);
    shell
}

#[test]
fn what_the_screen_holds_is_not_paged() {
    let shop = Shop::new();
    let mut shell = shell_with_less(&shop);
    shell.say("SELECT value * 1000 AS n FROM generate_series(1, 13);");
    shell.sees("13,000 │");
    shell.sees("13 rows in ");
    shell.sees(PROMPT);
    shell.leave();
}

#[test]
fn more_is_read_in_a_pager_while_it_comes() {
    let shop = Shop::new();
    let mut shell = shell_with_less(&shop);
    shell.say("SELECT value * 7 AS n, repeat('x', 100) AS wide FROM generate_series(1, 100000000);");
    // Nothing is cut in a program that scrolls sideways; `q` leaves it long before the end.
    shell.sees("xxxxxx>");
    shell.types("q");
    let seen = shell.sees("the pager was left at ");
    assert!(!seen.contains('…'), "{seen}");
    shell.sees("of more than");
    shell.sees(".once");
    shell.sees(PROMPT);

    shell.say("SELECT value FROM generate_series(1, 30);");
    shell.sees("│");
    // To the end, where the number of rows stands.
    shell.types("G");
    shell.sees("(30 rows)");
    shell.types("q");
    shell.sees("30 rows in ");
    shell.sees(PROMPT);

    shell.say(".pager off");
    shell.say("SELECT value FROM generate_series(1, 2000);");
    shell.sees("the first 1,000 of 2,000 rows");
    shell.sees(PROMPT);
    shell.say(".pager nowhere-to-be-found");
    shell.say("SELECT value FROM generate_series(1, 2000);");
    shell.sees("there is no pager 'nowhere-to-be-found'");
    shell.sees(PROMPT);
    shell.leave();
}

#[test]
fn a_pager_of_ones_own_gets_every_format() {
    let shop = Shop::new();
    let mut shell = shell_with_less(&shop);
    let seen = shop.path("seen");
    shell.say(&format!(".pager cat > {seen}"));
    shell.say(".mode csv");
    shell.say("SELECT value AS n FROM generate_series(1, 500);");
    shell.sees("500 rows in ");
    shell.sees(PROMPT);
    let text = fs::read_to_string(&seen).unwrap();
    assert_eq!(text.lines().count(), 501);
    shell.leave();
}
