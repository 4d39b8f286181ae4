//! What the shell is told of the person's surroundings: programs, keys, colours, files.
//!
//! Read from the environment here and nowhere else.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use crate::repl::{EditKeys, Pager, Theme};

/// A variable that is set, and not to the empty text.
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// `$PAGER`, else `less`, if it is there. An empty `$PAGER` is a wish for none.
pub(super) fn pager() -> Option<Pager> {
    let command = match std::env::var("PAGER") {
        Ok(pager) => Some(pager).filter(|pager| !pager.trim().is_empty()),
        Err(_) => is_program("less").then(|| "less".to_owned()),
    }?;
    // Colours as they are, long lines not folded; and texts are UTF-8.
    let settings = [("LESS", "RS"), ("LESSCHARSET", "utf-8")];
    let environment = settings
        .into_iter()
        .filter(|(name, _)| variable(name).is_none())
        .map(|(name, value)| (name.to_owned(), value.to_owned()));
    Some(Pager {
        command,
        environment: environment.collect(),
    })
}

/// `$WEIR_PASSWORD`, for the user that an address names.
pub(super) fn password() -> Option<String> {
    variable("WEIR_PASSWORD")
}

/// `$VISUAL`, else `$EDITOR`, else `vi`.
pub(super) fn editor() -> String {
    let named = variable("VISUAL").or_else(|| variable("EDITOR"));
    named.unwrap_or_else(|| "vi".to_owned())
}

/// The program that puts its input on the desktop's clipboard.
pub(super) fn clipboard() -> Option<String> {
    let programs = [
        ("WAYLAND_DISPLAY", "wl-copy", "wl-copy"),
        ("DISPLAY", "xclip", "xclip -selection clipboard"),
        ("DISPLAY", "xsel", "xsel --clipboard --input"),
    ];
    let found = programs
        .into_iter()
        .find(|(display, program, _)| variable(display).is_some() && is_program(program));
    match found {
        Some((_, _, command)) => Some(command.to_owned()),
        None => is_program("pbcopy").then(|| "pbcopy".to_owned()),
    }
}

/// None with `NO_COLOR` (no-color.org) or on a terminal without colours, else by the background that
/// `COLORFGBG` names (`15;0`: white on black).
pub(super) fn theme() -> Option<Theme> {
    if variable("NO_COLOR").is_some() || variable("TERM").as_deref() == Some("dumb") {
        return None;
    }
    Some(variable("COLORFGBG").map_or(Theme::Dark, |colours| theme_of(&colours)))
}

fn theme_of(colours: &str) -> Theme {
    let ground = colours.rsplit(';').next().unwrap_or_default();
    match ground.parse::<u8>() {
        // White, and bright white.
        Ok(7 | 15) => Theme::Light,
        _ => Theme::Dark,
    }
}

/// Whether the terminal wraps long lines anew when its width changes: all do but some old ones, which are
/// known by what they say of themselves.
pub(super) fn rewraps() -> bool {
    let kind = variable("TERM").unwrap_or_default();
    let is_plain = ["linux", "rxvt", "vt"]
        .iter()
        .any(|plain| kind.starts_with(plain));
    let is_screen = kind.starts_with("screen") && variable("TMUX").is_none();
    !is_plain && !is_screen && variable("XTERM_VERSION").is_none()
}

/// What `~/.inputrc` (or `$INPUTRC`) says, as it holds for other shells too.
pub(super) fn keys() -> EditKeys {
    let file = variable("INPUTRC").map(PathBuf::from);
    let file = file.or_else(|| Some(folder("HOME")?.join(".inputrc")));
    let text = file.and_then(|file| std::fs::read_to_string(file).ok());
    keys_of(&text.unwrap_or_default())
}

fn keys_of(inputrc: &str) -> EditKeys {
    let mut keys = EditKeys::Emacs;
    for line in inputrc.lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words.as_slice() {
            ["set", "editing-mode", "vi", ..] => keys = EditKeys::Vi,
            ["set", "editing-mode", "emacs", ..] => keys = EditKeys::Emacs,
            _ => {}
        }
    }
    keys
}

/// `$XDG_STATE_HOME/weir/history`, by default in `~/.local/state`.
pub(super) fn history() -> Option<PathBuf> {
    let state = folder("XDG_STATE_HOME").or_else(|| Some(folder("HOME")?.join(".local").join("state")));
    Some(state?.join("weir").join("history"))
}

/// `$XDG_CONFIG_HOME/weir/start.sql`, by default in `~/.config`.
pub(super) fn start() -> Option<PathBuf> {
    let config = folder("XDG_CONFIG_HOME").or_else(|| Some(folder("HOME")?.join(".config")));
    Some(config?.join("weir").join("start.sql"))
}

/// A folder that a variable names in full.
fn folder(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os(name).map(PathBuf::from);
    path.filter(|path| path.is_absolute())
}

fn is_program(name: &str) -> bool {
    let path: OsString = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| is_executable(&folder.join(name)))
}

fn is_executable(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    path.metadata()
        .is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o111 != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_light_ground_is_known_by_its_number() {
        for (colours, expected) in [
            ("0;15", Theme::Light),
            ("0;default;7", Theme::Light),
            ("15;0", Theme::Dark),
            ("15;default;8", Theme::Dark),
            ("", Theme::Dark),
        ] {
            assert_eq!(theme_of(colours), expected, "{colours}");
        }
    }

    #[test]
    fn the_last_word_about_keys_holds() {
        assert_eq!(
            keys_of("# set editing-mode vi\nset bell-style none"),
            EditKeys::Emacs
        );
        assert_eq!(keys_of("  set   editing-mode vi # always"), EditKeys::Vi);
        assert_eq!(
            keys_of("set editing-mode vi\nset editing-mode emacs"),
            EditKeys::Emacs
        );
    }
}
