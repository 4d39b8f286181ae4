//! Definition files: one folder a zone, one file a table.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use parking_lot::Mutex;
use url::{Position, Url};

use crate::definition::{
    INITIAL_LAKE, LakeConfig, LakeLimits, TableDefinition, ZoneDefinition, check_name, read_lake, read_table,
    write_table,
};
use crate::error::{Code, Error, Location, Result, closest, did_you_mean};
use crate::storage::{OnExisting, Place, Published, sync_folder, write_atomically};

/// The definitions of a lake.
#[derive(Debug)]
pub struct Catalog {
    root: PathBuf,
    config: LakeConfig,
    parsed: Mutex<Read<Arc<TableDefinition>>>,
    listed: Mutex<Read<Arc<[String]>>>,
}

/// What was read of files and folders, each in the state that it was in.
type Read<T> = HashMap<PathBuf, (Stamp, T)>;

/// A table by name, with its definition or what is wrong with it.
#[derive(Debug)]
pub struct Entry {
    /// The table's name.
    pub name: String,
    /// Its definition.
    pub definition: Result<Arc<TableDefinition>>,
}

/// Tells one state of a file or folder from another. Every write of ours is a new file, hence the inode.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    modified: SystemTime,
    size: u64,
    inode: u64,
}

impl Stamp {
    fn of(file: &Path) -> std::io::Result<Self> {
        let metadata = std::fs::metadata(file)?;
        Ok(Self {
            modified: metadata.modified()?,
            size: metadata.len(),
            inode: std::os::unix::fs::MetadataExt::ino(&metadata),
        })
    }

    /// One changed within the clock's granularity could change again unnoticed.
    fn is_settled(&self) -> bool {
        self.modified.elapsed().is_ok_and(|age| age.as_millis() > 50)
    }
}

/// Where a lake's own file is.
fn lake_file(root: &Path) -> PathBuf {
    root.join("catalog").join("lake.toml")
}

impl Catalog {
    /// Makes an empty lake in `root`: the catalog, and the zones' folders.
    ///
    /// # Errors
    /// [`Code::DuplicateTable`] if there is one already.
    pub fn init(root: &Path) -> Result<()> {
        let file = lake_file(root);
        if write_atomically(&file, INITIAL_LAKE.as_bytes(), OnExisting::Keep)? == Published::KeptExisting {
            return Err(Error::new(
                Code::DuplicateTable,
                format!("'{}' is a lake already", root.display()),
            ));
        }
        let catalog = Self::open(root)?;
        for zone in catalog.zones() {
            for folder in [catalog.zone_folder(zone), catalog.definitions_folder(zone)] {
                std::fs::create_dir_all(&folder).map_err(|e| Error::io(&folder, "make the folder", e))?;
            }
        }
        write_atomically(&root.join(".gitignore"), b"/data/\n/.weir/\n", OnExisting::Keep)?;
        Ok(())
    }

    /// The catalog of the lake in folder `root`.
    ///
    /// # Errors
    /// [`Code::NoLake`] if there is none; [`Code::InvalidDefinition`] if `lake.toml` is wrong.
    pub fn open(root: &Path) -> Result<Self> {
        let file = lake_file(root);
        if !file.is_file() {
            return Err(Error::new(
                Code::NoLake,
                format!("'{}' is no lake: it has no catalog/lake.toml", root.display()),
            )
            .with_hint("'weir init' makes one, 'weir demo' makes a sample"));
        }
        let root = std::path::absolute(root).map_err(|e| Error::io(root, "find", e))?;
        let text = std::fs::read_to_string(&file).map_err(|e| Error::io(&file, "read", e))?;
        let config = read_lake(&file, &text)?;
        Ok(Self {
            root,
            config,
            parsed: Mutex::default(),
            listed: Mutex::default(),
        })
    }

    /// What `lake.toml` says of limits.
    pub fn limits(&self) -> &LakeLimits {
        &self.config.limits
    }

    /// The lake's folder.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The zones, in the order of `lake.toml`.
    pub fn zones(&self) -> &[ZoneDefinition] {
        &self.config.zones
    }

    /// The zone of that name.
    ///
    /// # Errors
    /// [`Code::UndefinedZone`].
    pub fn zone(&self, name: &str) -> Result<&ZoneDefinition> {
        self.config.zone(name).ok_or_else(|| {
            let names: Vec<&str> = self.zones().iter().map(|zone| zone.name.as_str()).collect();
            let hint =
                did_you_mean(name, &names).unwrap_or_else(|| format!("the zones are {}", names.join(", ")));
            Error::new(Code::UndefinedZone, format!("there is no zone '{name}'")).with_hint(hint)
        })
    }

    /// Where a zone's tables have their files.
    pub fn zone_folder(&self, zone: &ZoneDefinition) -> PathBuf {
        self.root.join(&zone.path)
    }

    /// Where the files at `location` of a zone are.
    ///
    /// # Errors
    /// [`Code::InvalidValue`] for a location that is no path.
    pub fn place(&self, zone: &ZoneDefinition, location: &str) -> Result<Place> {
        match zone.url() {
            Some(url) => Place::remote(&url, location),
            None => Place::local(&self.zone_folder(zone), location),
        }
    }

    /// Where a URL points, if a zone lies in its store.
    ///
    /// # Errors
    /// [`Code::Unsupported`] if none does.
    pub fn place_of_url(&self, url: &Url) -> Result<Place> {
        let origin = &url[..Position::BeforePath];
        let configured = |zone: &ZoneDefinition| {
            let zone = Url::parse(&zone.path).ok()?;
            (&zone[..Position::BeforePath] == origin).then_some(zone)
        };
        match self.zones().iter().find_map(configured) {
            Some(mut base) => {
                base.set_path("");
                let path = percent_encoding::percent_decode_str(url.path()).decode_utf8_lossy();
                Place::remote(&base, path.trim_start_matches('/'))
            }
            None => Err(
                Error::new(Code::Unsupported, format!("no zone lies in the store '{origin}'"))
                    .with_hint("a zone in catalog/lake.toml whose path is a URL configures its store"),
            ),
        }
    }

    fn definitions_folder(&self, zone: &ZoneDefinition) -> PathBuf {
        self.root.join("catalog").join(&zone.name)
    }

    /// Where a table's definition is.
    pub fn definition_file(&self, zone: &ZoneDefinition, name: &str) -> PathBuf {
        self.definitions_folder(zone).join(format!("{name}.toml"))
    }

    /// The names of a zone's tables and views, sorted.
    ///
    /// # Errors
    /// What the operating system says; a zone without a folder is empty.
    pub fn names(&self, zone: &ZoneDefinition) -> Result<Vec<String>> {
        Ok(self.listed(zone)?.to_vec())
    }

    /// The same, listed anew where a file of the folder came or went since.
    fn listed(&self, zone: &ZoneDefinition) -> Result<Arc<[String]>> {
        let folder = self.definitions_folder(zone);
        let wrong = |e| Error::io(&folder, "list", e);
        let stamp = match Stamp::of(&folder) {
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Arc::default()),
            stamp => stamp.map_err(wrong)?,
        };
        if let Some((known, names)) = self.listed.lock().get(&folder)
            && *known == stamp
        {
            return Ok(Arc::clone(names));
        }
        let entries = match std::fs::read_dir(&folder) {
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Arc::default()),
            entries => entries.map_err(wrong)?,
        };
        let mut names = Vec::new();
        for entry in entries {
            let name = entry.map_err(wrong)?.file_name();
            let name = name.to_str().and_then(|name| name.strip_suffix(".toml"));
            names.extend(name.filter(|name| !name.starts_with('.')).map(str::to_owned));
        }
        names.sort_unstable();
        let names: Arc<[String]> = names.into();
        if stamp.is_settled() {
            self.listed.lock().insert(folder, (stamp, Arc::clone(&names)));
        }
        Ok(names)
    }

    /// The name as its owner spelled it, for a name in any case: itself if a table has it, else the
    /// one that differs in case alone.
    ///
    /// # Errors
    /// [`Code::InvalidDefinition`] if two tables' names differ in case alone.
    pub fn resolve(&self, zone: &ZoneDefinition, name: &str) -> Result<Option<String>> {
        let lower = name.to_lowercase();
        let names = self.listed(zone)?;
        let alike = names.iter().filter(|known| known.to_lowercase() == lower);
        let alike: Vec<&String> = alike.collect();
        match alike.as_slice() {
            [] => Ok(None),
            [only] => Ok(Some((*only).clone())),
            [first, second, ..] => Err(Error::new(
                Code::InvalidDefinition,
                format!(
                    "tables '{first}' and '{second}' of zone '{}' differ only in case",
                    zone.name
                ),
            )
            .with_hint(format!(
                "rename the file of one of them, in 'catalog/{}'",
                zone.name
            ))
            .at(Location::in_text("", 1, 1, 1).in_file(self.definition_file(zone, second)))),
        }
    }

    /// The definition of a table, its name in any case.
    ///
    /// # Errors
    /// [`Code::InvalidDefinition`] with its place, if it is wrong.
    pub fn table(&self, zone: &ZoneDefinition, name: &str) -> Result<Option<Arc<TableDefinition>>> {
        match self.resolve(zone, name)? {
            Some(name) => self.read(zone, &name),
            None => Ok(None),
        }
    }

    fn read(&self, zone: &ZoneDefinition, name: &str) -> Result<Option<Arc<TableDefinition>>> {
        let file = self.definition_file(zone, name);
        let wrong = |e| Error::io(&file, "read", e);
        let stamp = match Stamp::of(&file) {
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            stamp => stamp.map_err(wrong)?,
        };
        if let Some((known, definition)) = self.parsed.lock().get(&file)
            && *known == stamp
        {
            return Ok(Some(Arc::clone(definition)));
        }
        let text = std::fs::read_to_string(&file).map_err(wrong)?;
        let definition = Arc::new(read_table(&file, &text, name, zone)?);
        if stamp.is_settled() {
            self.parsed.lock().insert(file, (stamp, Arc::clone(&definition)));
        }
        Ok(Some(definition))
    }

    /// Every table of a zone, those with a wrong definition included.
    ///
    /// # Errors
    /// What the operating system says of the folder.
    pub fn entries(&self, zone: &ZoneDefinition) -> Result<Vec<Entry>> {
        let names = self.names(zone)?;
        let mut spellings: HashMap<String, usize> = HashMap::new();
        for name in &names {
            *spellings.entry(name.to_lowercase()).or_default() += 1;
        }
        let entry = |name: String| {
            let definition = if spellings.get(&name.to_lowercase()) == Some(&1) {
                self.read(zone, &name).transpose()?
            } else {
                self.table(zone, &name).transpose()?
            };
            Some(Entry { name, definition })
        };
        Ok(names.into_iter().filter_map(entry).collect())
    }

    /// Writes a definition; an existing file's comments and order stay.
    ///
    /// # Errors
    /// [`Code::DuplicateTable`] if one of that name exists and is to be kept.
    pub fn publish(
        &self,
        zone: &ZoneDefinition,
        definition: &TableDefinition,
        on_existing: OnExisting,
    ) -> Result<()> {
        check_name("table", &definition.name)?;
        let file = self.definition_file(zone, &definition.name);
        let existing = match std::fs::read_to_string(&file) {
            Ok(text) => text,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => String::new(),
            Err(e) => return Err(Error::io(&file, "read", e)),
        };
        // A broken definition is replaced whole: there is nothing in it to keep to.
        let text = write_table(&existing, definition).or_else(|_| write_table("", definition))?;
        match write_atomically(&file, text.as_bytes(), on_existing)? {
            Published::Yes => Ok(()),
            Published::KeptExisting => Err(already_exists(zone, &definition.name)),
        }
    }

    /// Writes the definition that so far was `old`'s under its new name; the file's comments and order stay.
    ///
    /// # Errors
    /// [`Code::DuplicateTable`] if the name is taken, in any case.
    pub fn rename(&self, zone: &ZoneDefinition, old: &str, definition: &TableDefinition) -> Result<()> {
        check_name("table", &definition.name)?;
        if let Some(taken) = self.resolve(zone, &definition.name)?.filter(|taken| taken != old) {
            return Err(already_exists(zone, &taken));
        }
        if definition.name == old {
            return Ok(());
        }
        let from = self.definition_file(zone, old);
        let text = std::fs::read_to_string(&from).map_err(|e| Error::io(&from, "read", e))?;
        let text = write_table(&text, definition)?;
        let to = self.definition_file(zone, &definition.name);
        match write_atomically(&to, text.as_bytes(), OnExisting::Keep)? {
            Published::Yes => self.remove(zone, old),
            Published::KeptExisting => Err(already_exists(zone, &definition.name)),
        }
    }

    /// Removes a definition.
    ///
    /// # Errors
    /// What the operating system says, with the path.
    pub fn remove(&self, zone: &ZoneDefinition, name: &str) -> Result<()> {
        let file = self.definition_file(zone, name);
        std::fs::remove_file(&file).map_err(|e| Error::io(&file, "remove", e))?;
        sync_folder(&self.definitions_folder(zone))
    }

    /// That a table is not there, with the nearest name that is.
    pub fn not_found(&self, zone: &ZoneDefinition, name: &str) -> Error {
        let full = format!("{}.{name}", zone.name);
        let nearest = self.same_name(name).or_else(|| {
            let others = self.zones().iter().filter(|other| other.name != zone.name);
            let mut zones = std::iter::once(zone).chain(others);
            zones.find_map(|zone| {
                let table = closest(name, self.names(zone).unwrap_or_default())?;
                Some(format!("{}.{table}", zone.name))
            })
        });
        Error::new(Code::UndefinedTable, format!("table '{full}' not found"))
            .with_hint_if(nearest.map(|known| format!("did you mean '{known}'?")))
    }

    /// A table of that name in any zone.
    fn same_name(&self, name: &str) -> Option<String> {
        self.zones().iter().find_map(|zone| {
            let table = self.resolve(zone, name).ok()??;
            Some(format!("{}.{table}", zone.name))
        })
    }
}

/// That a table is there already.
pub(super) fn already_exists(zone: &ZoneDefinition, name: &str) -> Error {
    Error::new(
        Code::DuplicateTable,
        format!("table '{}.{name}' exists already", zone.name),
    )
    .with_hint("CREATE OR REPLACE replaces it, IF NOT EXISTS keeps it")
}
