//! The table of codes: one row a code, from which the name, the kind, the exit code and the
//! documentation follow.

use std::fmt;

/// What a caller does about an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// The statement or definition is wrong: change it.
    User,
    /// The data breaks a rule: look at the rows.
    DataValidation,
    /// A named thing does not exist.
    NotFound,
    /// The thing may not be touched in this way.
    Permission,
    /// Somebody else was first.
    Conflict,
    /// Memory or disk ran out.
    ResourceExhausted,
    /// It took longer than allowed.
    Timeout,
    /// Storage or network failed: try again.
    Unavailable,
    /// The user stopped it.
    Cancelled,
    /// A defect of this program.
    Internal,
}

impl Kind {
    /// The exit code of a process that ends with an error of this kind.
    pub fn exit_code(self) -> u8 {
        match self {
            Self::User | Self::NotFound | Self::Permission | Self::Conflict => 1,
            Self::DataValidation => 3,
            Self::ResourceExhausted | Self::Timeout => 4,
            Self::Unavailable => 5,
            Self::Internal => 70,
            Self::Cancelled => 130,
        }
    }
}

/// Makes [`Code`] from its table.
macro_rules! codes {
    ($($(#[doc = $doc:literal])* $name:ident = $text:literal, $kind:ident;)*) => {
        /// A stable code that a user can look up: an SQLSTATE where the standard or PostgreSQL has
        /// one, the class `WR` where they have none.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Code {
            $($(#[doc = $doc])* $name,)*
        }

        impl Code {
            /// Every code, in the table's order.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// The five characters.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }

            /// What it stands for, in a sentence.
            pub fn meaning(self) -> &'static str {
                match self { $(Self::$name => concat!($($doc),*).trim_ascii(),)* }
            }

            /// What a caller does about it.
            pub fn kind(self) -> Kind {
                match self { $(Self::$name => Kind::$kind,)* }
            }
        }
    };
}

codes! {
    /// The text is not SQL.
    Syntax = "42601", User;
    /// Valid SQL that the engine does not have.
    Unsupported = "0A000", User;
    /// The statement contradicts itself or its tables in a way that no other code names.
    InvalidStatement = "42000", User;
    /// No such table or view.
    UndefinedTable = "42P01", NotFound;
    /// No such column.
    UndefinedColumn = "42703", NotFound;
    /// No such function, or none for these arguments.
    UndefinedFunction = "42883", NotFound;
    /// No such zone.
    UndefinedZone = "3F000", NotFound;
    /// No such setting.
    UndefinedSetting = "42704", NotFound;
    /// A placeholder without a value.
    UndefinedParameter = "42P02", User;
    /// The table or view exists already.
    DuplicateTable = "42P07", Conflict;
    /// There is a rule or constraint of that name already.
    DuplicateObject = "42710", Conflict;
    /// No rule or constraint of that name.
    UndefinedObject = "WR011", NotFound;
    /// A load breaks a rule of its table that does not let it pass.
    RuleViolation = "WR020", DataValidation;
    /// A load has more bad rows than its limit.
    RejectLimit = "WR021", DataValidation;
    /// A file that a table has taken in is not what it was then.
    SourceChanged = "WR022", User;
    /// A column is named twice.
    DuplicateColumn = "42701", User;
    /// A name fits more than one column.
    AmbiguousColumn = "42702", User;
    /// Types do not go together.
    DatatypeMismatch = "42804", User;
    /// The object is of another kind than the statement needs.
    WrongObjectType = "42809", User;
    /// A setting, option or argument has a value it cannot have.
    InvalidValue = "22023", User;
    /// A value cannot be computed: it does not convert, overflows, or divides by zero.
    DataException = "22000", User;
    /// A number does not fit into its type.
    NumericOutOfRange = "22003", User;
    /// No such version of the table, or none that can be read any more.
    UndefinedVersion = "WR005", NotFound;
    /// Another statement changed the table meanwhile: run this one again.
    Conflict = "40001", Conflict;
    /// A row breaks a CHECK constraint.
    CheckViolation = "23514", DataValidation;
    /// A row of a MERGE's target has several rows of its source.
    SeveralMatches = "21000", User;
    /// A column that may not be NULL got one.
    NotNull = "23502", DataValidation;
    /// The object may be read but not changed.
    ReadOnly = "42501", Permission;
    /// A definition in the catalog is wrong.
    InvalidDefinition = "WR001", User;
    /// No lake at the place named, or none above the working directory.
    NoLake = "WR002", NotFound;
    /// A data file is corrupt, or not of its table's format.
    CorruptFile = "WR003", User;
    /// No prepared statement of that name.
    UndefinedPrepared = "26000", NotFound;
    /// There is a prepared statement of that name already.
    DuplicatePrepared = "42P05", Conflict;
    /// No running statement of that id.
    UndefinedQuery = "WR008", NotFound;
    /// A file changed while it was being read or written.
    ChangedUnderneath = "WR004", Conflict;
    /// The session is safe: it reads the lake and changes nothing.
    SafeSession = "WR010", Permission;
    /// The user's roles do not allow it.
    NoRight = "WR012", Permission;
    /// No such user, a wrong password, or a session that has ended.
    NotAuthenticated = "28000", Permission;
    /// A file or folder that is not there.
    UndefinedFile = "58P01", NotFound;
    /// The operating system refused access to a file or folder.
    StorageRefused = "58P02", Permission;
    /// The server cannot be reached, or the connection broke.
    Connection = "08006", Unavailable;
    /// Storage failed.
    Io = "58030", Unavailable;
    /// No room on the disk.
    DiskFull = "53100", ResourceExhausted;
    /// The memory limit was reached.
    OutOfMemory = "53200", ResourceExhausted;
    /// A statement is nested more deeply than it can be planned.
    TooComplex = "54001", User;
    /// More statements wait than may.
    TooManyStatements = "53300", ResourceExhausted;
    /// It took longer than its limit.
    Timeout = "57P05", Timeout;
    /// The user stopped the statement.
    Cancelled = "57014", Cancelled;
    /// A defect of this program.
    Internal = "XX000", Internal;
}

impl Code {
    /// Whether the same statement may succeed a moment later: nothing was changed by it, and what
    /// stood in its way may be gone.
    pub fn may_pass(self) -> bool {
        matches!(self, Self::ChangedUnderneath | Self::Io)
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
