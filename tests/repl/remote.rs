//! The shell on a server: a password that is typed, and the same answers, progress and cancelling.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use super::person::{Shell, Shop};

/// `weir serve` on the shop; ended with this.
struct Served(Child, String);

impl Drop for Served {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

fn serve(shop: &Shop) -> Served {
    let mut child = shop
        .command()
        .args(["serve", "--bind", "127.0.0.1:0"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut line = String::new();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    stdout.read_line(&mut line).unwrap();
    let address = line.trim().rsplit('/').next().unwrap().to_owned();
    Served(child, address)
}

/// The program with these arguments in a terminal, and no password but what is typed.
fn in_a_terminal(mut command: Command, arguments: &[&str]) -> Shell {
    command.args(arguments).env_remove("WEIR_PASSWORD");
    Shell::new(command, true)
}

#[test]
fn a_user_is_made_and_logs_in_by_typing_a_password() {
    let shop = Shop::new();
    let mut adding = in_a_terminal(shop.command(), &["user", "add", "ann", "--role", "admin"]);
    adding.sees("Password: ");
    adding.say("typed-secret");
    let shown = adding.sees("Once more: ");
    assert!(!shown.contains("typed"), "{shown}");
    adding.say("typed-secret");
    adding.sees("added user 'ann'");
    adding.0.exp_eof().unwrap();

    let served = serve(&shop);
    let url = format!("grpc://ann@{}", served.1);
    let mut wrong = in_a_terminal(shop.program(), &["--connect", &url]);
    wrong.sees("Password of 'ann': ");
    wrong.say("another");
    wrong.sees("error[28000]");
    wrong.0.exp_eof().unwrap();

    let mut shell = in_a_terminal(shop.program(), &["--connect", &url]);
    shell.sees("Password of 'ann': ");
    shell.say("typed-secret");
    shell.resize(120, 40);
    let shown = shell.sees("Ctrl-D leaves");
    assert!(!shown.contains("typed-secret"), "{shown}");
    shell.sees("> ");
    shell.say("SELECT user_name FROM system.sessions;");
    shell.sees("│ ann");
    shell.sees("raw> ");
    shell.leave();
}

#[test]
fn a_shell_on_a_server_is_the_same_shell() {
    let shop = Shop::new();
    let served = serve(&shop);
    let mut shell = in_a_terminal(shop.program(), &["--connect", &format!("grpc://{}", served.1)]);
    shell.resize(120, 40);
    shell.sees("Ctrl-D leaves");
    shell.say("USE raw;");
    shell.sees("the current zone is raw");
    shell.say("SELECT kind, event_id + 40 AS n FROM events WHERE event_id = 2;");
    shell.sees("│ click");
    shell.sees("42");
    shell.sees("1 row in ");
    shell.say("SELECT nothing FROM events;");
    shell.sees("error[42703]: column 'nothing' not found");
    shell.sees("^^^^^^^");
    // Names come from the server.
    shell.types("SELECT * FROM ev");
    shell.tabs();
    shell.sees("events");
    shell.control('c');
    shell.sees("raw> \r");
    // What runs there is stopped from here.
    shell.say("SELECT count(*) FROM generate_series(1, 1000000000000) a WHERE a.value % 7 = 8;");
    shell.sees(" rows/s");
    shell.control('c');
    shell.sees("cancelled after ");
    shell.sees("raw> ");
    shell.say("SELECT 70 + 7 AS n;");
    shell.sees("77");
    shell.sees("1 row in ");
    shell.sees("raw> ");
    shell.leave();
}
