//! `.weir/users.toml`: a table a user.

use std::io::Write;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use argon2::Argon2;
use argon2::password_hash::{PasswordHasher, SaltString};
use toml_edit::{Array, DocumentMut, Item, Table, value};
use uuid::Uuid;

use crate::engine::{Principal, Roles};
use crate::error::{Code, Error, Result};

/// A user as the file has it.
#[derive(Clone, PartialEq, Eq)]
pub struct User {
    /// The name.
    pub name: String,
    /// The password's argon2 hash.
    pub password: String,
    /// What the user may do.
    pub roles: Roles,
}

impl std::fmt::Debug for User {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("User")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

impl User {
    /// For whom the user's sessions run statements.
    pub(super) fn principal(&self) -> Principal {
        Principal {
            user: self.name.clone(),
            roles: self.roles.clone(),
            may_name_files: false,
        }
    }
}

/// The file of a lake's users. Each of its methods reads it anew.
#[derive(Debug, Clone)]
pub struct UserFile(PathBuf);

impl UserFile {
    /// The file at `path`, which need not be there.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self(path.into())
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }

    /// Every user, sorted by name.
    ///
    /// # Errors
    /// [`Code::InvalidDefinition`] if the file is wrong, or can be read by others than its owner.
    pub fn users(&self) -> Result<Vec<User>> {
        let Some(document) = self.read()? else {
            return Ok(Vec::new());
        };
        let mut users = Vec::new();
        for (name, item) in document.iter() {
            users.push(self.user(name, item)?);
        }
        users.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(users)
    }

    /// The user of that name.
    ///
    /// # Errors
    /// As of [`UserFile::users`].
    pub fn find(&self, name: &str) -> Result<Option<User>> {
        let Some(document) = self.read()? else {
            return Ok(None);
        };
        let item = document.get(name);
        item.map(|item| self.user(name, item)).transpose()
    }

    /// Adds a user.
    ///
    /// # Errors
    /// [`Code::InvalidValue`] if there is one of that name, or the name or the password cannot be one.
    pub fn add(&self, name: &str, password: &str, roles: &Roles) -> Result<()> {
        let is_word = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '@');
        if name.is_empty() || name.len() > 128 || !name.chars().all(is_word) {
            return Err(
                Error::new(Code::InvalidValue, format!("'{name}' cannot be a user's name"))
                    .with_hint("a name has letters, digits, '_', '-', '.' and '@'"),
            );
        }
        let hash = hash(password)?;
        let mut document = self.read()?.unwrap_or_default();
        if document.contains_key(name) {
            let message = format!("there is a user '{name}' already");
            return Err(
                Error::new(Code::InvalidValue, message).with_hint("'weir user passwd' sets a new password")
            );
        }
        let mut table = Table::new();
        table["password"] = value(hash);
        table["roles"] = value(Array::from_iter(roles.texts()));
        document.insert(name, Item::Table(table));
        self.write(&document)
    }

    /// Gives a user another password.
    ///
    /// # Errors
    /// [`Code::InvalidValue`] if there is no user of that name.
    pub fn set_password(&self, name: &str, password: &str) -> Result<()> {
        let hash = hash(password)?;
        let mut document = self.read()?.unwrap_or_default();
        match document.get_mut(name) {
            Some(user) => user["password"] = value(hash),
            None => return Err(no_user(name)),
        }
        self.write(&document)
    }

    /// Removes a user.
    ///
    /// # Errors
    /// [`Code::InvalidValue`] if there is no user of that name.
    pub fn remove(&self, name: &str) -> Result<()> {
        let mut document = self.read()?.unwrap_or_default();
        match document.remove(name) {
            Some(_) => self.write(&document),
            None => Err(no_user(name)),
        }
    }

    fn user(&self, name: &str, item: &Item) -> Result<User> {
        let password = item.get("password").and_then(Item::as_str);
        let password = password.ok_or_else(|| self.wrong(&format!("user '{name}' has no password")))?;
        let mut roles = Roles::default();
        let texts = item.get("roles").and_then(Item::as_array);
        for text in texts.into_iter().flatten() {
            let text = text.as_str().unwrap_or_default();
            let wrong = |e: Error| self.wrong(&format!("user '{name}': {}", e.message()));
            roles.add(text).map_err(wrong)?;
        }
        Ok(User {
            name: name.to_owned(),
            password: password.to_owned(),
            roles,
        })
    }

    fn wrong(&self, message: &str) -> Error {
        Error::new(
            Code::InvalidDefinition,
            format!("'{}': {message}", self.0.display()),
        )
    }

    fn read(&self) -> Result<Option<DocumentMut>> {
        let metadata = match std::fs::metadata(&self.0) {
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            metadata => metadata.map_err(|e| Error::io(&self.0, "read", e))?,
        };
        if metadata.permissions().mode() & 0o077 != 0 {
            return Err(self
                .wrong("others than its owner can read it")
                .with_hint(format!("chmod 600 '{}'", self.0.display())));
        }
        let text = std::fs::read_to_string(&self.0).map_err(|e| Error::io(&self.0, "read", e))?;
        let document = text
            .parse()
            .map_err(|e: toml_edit::TomlError| self.wrong(e.message()))?;
        Ok(Some(document))
    }

    /// Publishes the file whole, with its rights from its first byte on.
    fn write(&self, document: &DocumentMut) -> Result<()> {
        let folder = self.0.parent().unwrap_or(Path::new("."));
        std::fs::create_dir_all(folder).map_err(|e| Error::io(folder, "make the folder", e))?;
        let new = folder.join(format!(".users.{}.toml", Uuid::new_v4().simple()));
        let mut options = std::fs::OpenOptions::new();
        let written = options
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&new)
            .and_then(|mut file| {
                file.write_all(document.to_string().as_bytes())?;
                file.sync_all()
            })
            .and_then(|()| std::fs::rename(&new, &self.0));
        if let Err(error) = written {
            // What was half written is nobody's.
            drop(std::fs::remove_file(&new));
            return Err(Error::io(&self.0, "write", error));
        }
        crate::storage::sync_folder(folder)
    }
}

fn hash(password: &str) -> Result<String> {
    if password.is_empty() {
        return Err(Error::new(Code::InvalidValue, "a password cannot be empty"));
    }
    let failed = |e: argon2::password_hash::Error| Error::new(Code::Internal, format!("cannot hash: {e}"));
    let salt = SaltString::encode_b64(Uuid::new_v4().as_bytes()).map_err(failed)?;
    let hash = Argon2::default()
        .hash_password(password.as_bytes(), &salt)
        .map_err(failed)?;
    Ok(hash.to_string())
}

fn no_user(name: &str) -> Error {
    Error::new(Code::InvalidValue, format!("there is no user '{name}'"))
        .with_hint("'weir user list' lists them")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Role;

    #[test]
    fn users_are_kept_with_their_roles_and_read_by_their_owner_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(".weir").join("users.toml");
        let file = UserFile::new(&path);
        assert!(file.users().unwrap().is_empty());
        let mut roles = Roles::everywhere(Role::Read);
        roles.add("curated=write").unwrap();
        file.add("ann", "secret", &roles).unwrap();
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        let ann = file.find("ann").unwrap().unwrap();
        assert_eq!(ann.roles, roles);
        assert!(ann.password.starts_with("$argon2id$"));
        assert!(file.add("ann", "other", &roles).is_err());
        assert!(file.add("a b", "other", &roles).is_err());
        assert!(file.add("bob", "", &roles).is_err());
        file.set_password("ann", "other").unwrap();
        assert_ne!(file.find("ann").unwrap().unwrap().password, ann.password);
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
        assert_eq!(file.find("ann").unwrap_err().code(), Code::InvalidDefinition);
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        file.remove("ann").unwrap();
        assert!(file.remove("ann").is_err());
    }
}
