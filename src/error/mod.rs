//! The one error that leaves this crate, and what a reader is shown of it.
//!
//! Owns: [`Error`], the table of codes ([`Code`]), what a caller does about each ([`Kind`]), carets
//! under the source text ([`Location`]) and "did you mean" ([`closest`]). It knows nothing of how an
//! error came about: each module builds its own, and the `engine` translates DataFusion's.

mod code;
mod location;
mod portable;
mod suggest;
mod wording;
mod wrap;

use std::fmt;
use std::path::Path;

use datafusion::error::DataFusionError;

pub use code::{Code, Kind};
pub use location::Location;
pub use suggest::{closest, did_you_mean};
pub use wording::without_layers;
pub use wrap::wrapped;

/// What this crate's functions return.
pub type Result<T, E = Error> = std::result::Result<T, E>;

type Source = Box<dyn std::error::Error + Send + Sync>;

/// Something that went wrong, in words a user can act on.
///
/// The message is lower case and names the object and its kind; the way out, where there is one, is
/// the [`hint`](Error::hint). `Display` gives the message alone; [`Error::report`] gives the whole.
#[derive(Debug)]
pub struct Error(Box<Inner>);

#[derive(Debug)]
struct Inner {
    code: Code,
    message: String,
    hint: Option<String>,
    location: Option<Location>,
    source: Option<Source>,
}

impl Error {
    /// An error with `code`, saying `message`.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self(Box::new(Inner {
            code,
            message: message.into(),
            hint: None,
            location: None,
            source: None,
        }))
    }

    /// The same error with the way out.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.0.hint = Some(hint.into());
        self
    }

    /// The same error with a hint, if there is one to give.
    #[must_use]
    pub fn with_hint_if(self, hint: Option<String>) -> Self {
        match hint {
            Some(hint) => self.with_hint(hint),
            None => self,
        }
    }

    /// The same error with a hint, if it has none yet and there is one to give.
    #[must_use]
    pub fn with_hint_if_none(self, hint: Option<String>) -> Self {
        match self.0.hint {
            Some(_) => self,
            None => self.with_hint_if(hint),
        }
    }

    /// The same error in other words.
    #[must_use]
    pub fn reworded(mut self, message: impl Into<String>) -> Self {
        self.0.message = message.into();
        self
    }

    /// The same error, pointing into a text. A place that is known already is kept: it is nearer to
    /// the cause.
    #[must_use]
    pub fn at(mut self, location: Location) -> Self {
        self.0.location.get_or_insert(location);
        self
    }

    /// The same error, its place read from `source`, which has the same lines. One in a file stays.
    #[must_use]
    pub fn placed_in(mut self, source: &str) -> Self {
        let in_text = |location: Location| match location.file() {
            Some(_) => location,
            None => location.of_text(source),
        };
        self.0.location = self.0.location.map(in_text);
        self
    }

    /// The same error, its place said to be in `file` unless it names a file already.
    #[must_use]
    pub fn in_file(mut self, file: impl AsRef<Path>) -> Self {
        if let Some(location) = &mut self.0.location {
            location.set_file(file.as_ref());
        }
        self
    }

    /// The same error with what caused it.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Source>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    /// A failure to read or write `path`. The code follows the cause: absent, refused, full, a
    /// folder in a file's place, else an input/output error.
    pub fn io(path: impl AsRef<Path>, doing: &str, error: std::io::Error) -> Self {
        use std::io::ErrorKind;
        let code = match error.kind() {
            ErrorKind::NotFound => Code::UndefinedFile,
            ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => Code::StorageRefused,
            ErrorKind::IsADirectory | ErrorKind::NotADirectory => Code::WrongObjectType,
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded => Code::DiskFull,
            _ => Code::Io,
        };
        // Of a file that is made beside its place, its own name means nothing to the reader.
        let text = error.to_string();
        let why = text.split_once(" at path ").map_or(text.as_str(), |(why, _)| why);
        Self::new(
            code,
            format!("cannot {doing} '{}': {why}", path.as_ref().display()),
        )
        .with_source(error)
    }

    /// The stable code.
    pub fn code(&self) -> Code {
        self.0.code
    }

    /// What a caller does about it.
    pub fn kind(&self) -> Kind {
        self.0.code.kind()
    }

    /// What went wrong, without the hint and the place.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// The way out.
    pub fn hint(&self) -> Option<&str> {
        self.0.hint.as_deref()
    }

    /// Where in a text it went wrong.
    pub fn location(&self) -> Option<&Location> {
        self.0.location.as_ref()
    }

    /// The same error about no place: its text was not a person's.
    #[must_use]
    pub fn without_place(mut self) -> Self {
        self.0.location = None;
        self
    }

    /// Everything a person is shown: `error[CODE]: message`, the place with its line and a caret,
    /// and the hint. Ends without a newline.
    pub fn report(&self) -> String {
        self.reported(Location::to_string, |text| text)
    }

    /// The same for a terminal of `width` characters, on which the caret has to stand under its line.
    pub fn report_within(&self, width: usize) -> String {
        self.reported(|location| location.within(width), |text| wrapped(&text, width))
    }

    fn reported(&self, shown: impl FnOnce(&Location) -> String, said: impl Fn(String) -> String) -> String {
        let mut text = said(format!("error[{}]: {}", self.code(), self.message()));
        if let Some(location) = self.location() {
            text.push('\n');
            text.push_str(&shown(location));
        }
        if let Some(hint) = self.hint() {
            text.push('\n');
            text.push_str(&said(format!("hint: {hint}")));
        }
        text
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source.as_ref().map(|e| e.as_ref() as _)
    }
}

/// Through DataFusion our errors travel in `External`; `engine` takes them out again.
impl From<Error> for DataFusionError {
    fn from(error: Error) -> Self {
        Self::External(Box::new(error))
    }
}

#[cfg(test)]
mod tests;
