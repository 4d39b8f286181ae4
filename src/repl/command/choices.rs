//! Commands that choose how the shell goes on: formats, files, switches, values.

use std::path::Path;

use crate::connection::parameter_from_text;
use crate::error::{Code, Error, Result};
use crate::render::{Format, type_name};
use crate::repl::completion::texts;
use crate::repl::editor::LineEditor;
use crate::repl::highlight::Theme;
use crate::repl::keys::EditKeys;
use crate::repl::note;
use crate::repl::pager::Pager;
use crate::repl::shell::{Shell, Stop};

impl Shell<'_> {
    pub(super) fn mode(&mut self, format: Option<&str>) -> Result<()> {
        match format {
            Some(format) => self.presenter.set_mode(format.parse()?),
            None => {
                let names: Vec<&str> = Format::ALL.iter().map(|format| format.name()).collect();
                note(&format!("{} (of {})", self.presenter.mode, names.join(", ")));
                Ok(())
            }
        }
    }

    pub(super) fn timing(&mut self, text: Option<&str>) -> Result<()> {
        switch("timing", text, &mut self.presenter.has_timing)
    }

    pub(super) fn progress(&mut self, text: Option<&str>) -> Result<()> {
        switch("progress", text, &mut self.has_progress)
    }

    pub(super) fn once(&mut self, file: &str) -> Result<()> {
        self.may_write()?;
        self.presenter.write_next(Path::new(file))
    }

    pub(super) fn output(&mut self, file: Option<&str>) -> Result<()> {
        if file.is_some() {
            self.may_write()?;
        }
        self.presenter.redirect(file.map(Path::new))
    }

    pub(super) fn param(&mut self, text: Option<&str>) -> Result<()> {
        let Some(text) = text else {
            for name in self.parameters.names() {
                if let Some(value) = self.parameters.get(&name) {
                    note(&format!("${name} = {value} ({})", type_name(&value.data_type())));
                }
            }
            return Ok(());
        };
        let (name, value) = parameter_from_text(text)?;
        self.parameters = std::mem::take(&mut self.parameters).with(name, value);
        Ok(())
    }

    pub(super) fn pager(&mut self, text: Option<&str>) -> Result<()> {
        let first = self.options.pager.clone();
        self.presenter.pager = match text {
            None => {
                let pager = self.presenter.pager.as_ref();
                note(pager.map_or("off", |pager| pager.command.as_str()));
                return Ok(());
            }
            Some(word) if word.eq_ignore_ascii_case("off") => None,
            Some(word) if word.eq_ignore_ascii_case("on") => Some(first.ok_or_else(|| {
                Error::new(Code::UndefinedFile, "there is no pager: neither $PAGER nor less")
                    .with_hint(".pager PROGRAM names one")
            })?),
            Some(program) => {
                if self.presenter.is_safe {
                    return Err(refused("it starts no other program"));
                }
                Some(Pager {
                    command: program.to_owned(),
                    environment: first.map(|pager| pager.environment).unwrap_or_default(),
                })
            }
        };
        Ok(())
    }

    pub(super) fn keys(&mut self, text: Option<&str>) -> Result<()> {
        let keys = match text.map(str::to_lowercase).as_deref() {
            Some("emacs") => EditKeys::Emacs,
            Some("vi") => EditKeys::Vi,
            Some(other) => return Err(not_one_of("keys", other, "emacs or vi")),
            None => {
                let keys = self.editor.as_ref().map(LineEditor::keys);
                note(keys.map_or("none", EditKeys::name));
                return Ok(());
            }
        };
        if let Some(editor) = &mut self.editor {
            editor.set_keys(keys);
        }
        Ok(())
    }

    pub(super) fn theme(&mut self, text: Option<&str>) -> Result<()> {
        let theme = match text.map(str::to_lowercase).as_deref() {
            Some("dark") => Some(Theme::Dark),
            Some("light") => Some(Theme::Light),
            Some("off") => None,
            Some(other) => return Err(not_one_of("theme", other, "dark, light or off")),
            None => {
                let theme = self.editor.as_ref().and_then(LineEditor::theme);
                note(theme.map_or("off", Theme::name));
                return Ok(());
            }
        };
        if let Some(editor) = &mut self.editor {
            editor.set_theme(theme);
        }
        Ok(())
    }

    pub(super) async fn safe(&mut self, text: Option<&str>) -> Result<(), Stop> {
        match text.map(str::to_lowercase).as_deref() {
            None => {
                note(if self.presenter.is_safe { "on" } else { "off" });
                Ok(())
            }
            // The engine says that it stays on.
            Some(word @ ("on" | "off")) => {
                let sql = format!("SET session.safe = {}", word == "on");
                let set = texts(self.connection.execute(&sql, &Default::default())).await;
                super::run::said(set.map(drop))?;
                super::run::said(self.refresh_safety().await)?;
                note("this session is safe, and stays so until the shell is left");
                Ok(())
            }
            Some(other) => super::run::said(Err(not_one_of("safe", other, "on"))),
        }
    }

    /// Whether the shell itself may write files and start programs.
    pub(super) fn may_write(&self) -> Result<()> {
        match self.presenter.is_safe {
            true => Err(refused("it writes no files")),
            false => Ok(()),
        }
    }

    /// Whether the shell may read this file.
    pub(super) fn may_read(&self, file: &Path) -> Result<()> {
        let is_inside = || {
            let (file, lake) = (file.canonicalize().ok()?, self.options.lake.as_ref()?);
            Some(file.starts_with(lake.canonicalize().ok()?))
        };
        match self.presenter.is_safe && is_inside() != Some(true) {
            true => Err(refused(&format!("'{}' lies outside the lake", file.display()))),
            false => Ok(()),
        }
    }
}

fn refused(what: &str) -> Error {
    Error::new(Code::SafeSession, format!("this session is safe: {what}"))
        .with_hint("it stays so until the shell is left")
}

fn switch(what: &str, text: Option<&str>, is_on: &mut bool) -> Result<()> {
    *is_on = match text.map(str::to_lowercase).as_deref() {
        Some("on") => true,
        Some("off") => false,
        Some(other) => return Err(not_one_of(what, other, "on or off")),
        None => {
            note(if *is_on { "on" } else { "off" });
            return Ok(());
        }
    };
    Ok(())
}

fn not_one_of(what: &str, given: &str, there_are: &str) -> Error {
    Error::new(
        Code::InvalidValue,
        format!("{what} is {there_are}, not '{given}'"),
    )
}
