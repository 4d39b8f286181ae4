//! How much memory this process may reckon with: the machine's, or its control group's if that is
//! less.

use std::fs;
use std::path::{Path, PathBuf};

/// The part of the memory that a lake takes if it is not told. The rest is for what is not counted,
/// and for the system's cache of files.
const PART: f64 = 0.6;

/// Where the system does not say how much there is.
const UNKNOWN: u64 = 4 << 30;

/// The limit of a lake that is not told one, in bytes.
pub(in crate::engine) fn default_limit() -> u64 {
    let machine = fs::read_to_string("/proc/meminfo")
        .ok()
        .and_then(|text| memory_total(&text));
    let group = fs::read_to_string("/proc/self/cgroup")
        .ok()
        .and_then(|text| group_limit(&text, Path::new("/sys/fs/cgroup")));
    let available = match (machine, group) {
        (Some(machine), Some(group)) => machine.min(group),
        (one, other) => one.or(other).unwrap_or(UNKNOWN),
    };
    (available as f64 * PART) as u64
}

/// `MemTotal:       24614924 kB`.
fn memory_total(meminfo: &str) -> Option<u64> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kilobytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kilobytes.checked_mul(1024)
}

/// The least limit of the process's groups and those that they lie in: version 2 (`0::/a/b`), else
/// version 1 (`5:memory:/a/b`). A group that is not to be seen from inside its container is the root.
fn group_limit(groups: &str, root: &Path) -> Option<u64> {
    let mut least = None;
    for line in groups.lines() {
        let mut fields = line.splitn(3, ':').skip(1);
        let (Some(controllers), Some(group)) = (fields.next(), fields.next()) else {
            continue;
        };
        let (root, file) = match controllers {
            "" => (root.to_owned(), "memory.max"),
            some if some.split(',').any(|name| name == "memory") => {
                (root.join("memory"), "memory.limit_in_bytes")
            }
            _ => continue,
        };
        for folder in folders(&root, group) {
            let limit = fs::read_to_string(folder.join(file))
                .ok()
                .and_then(|text| text.trim().parse::<u64>().ok());
            least = [least, limit].into_iter().flatten().min();
        }
    }
    least
}

/// The group's folder and those above it, down to the root.
fn folders(root: &Path, group: &str) -> Vec<PathBuf> {
    let inner = root.join(group.trim_start_matches('/'));
    let above = inner.ancestors().take_while(|folder| folder.starts_with(root));
    above.map(Path::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_machine_says_how_much_memory_it_has() {
        let text = "MemTotal:       24614924 kB\nMemFree:        23614924 kB\n";
        assert_eq!(memory_total(text), Some(24_614_924 * 1024));
        assert_eq!(memory_total("nothing"), None);
    }

    #[test]
    fn the_least_limit_of_the_groups_counts() {
        let root = tempfile::tempdir().unwrap();
        let inner = root.path().join("a/b");
        fs::create_dir_all(&inner).unwrap();
        fs::write(inner.join("memory.max"), "max\n").unwrap();
        fs::write(root.path().join("a/memory.max"), "1048576\n").unwrap();
        assert_eq!(group_limit("0::/a/b\n", root.path()), Some(1 << 20));
        assert_eq!(group_limit("0::/elsewhere\n", root.path()), None);
        let memory = root.path().join("memory");
        fs::create_dir_all(&memory).unwrap();
        fs::write(memory.join("memory.limit_in_bytes"), "4096\n").unwrap();
        assert_eq!(group_limit("5:cpu,memory:/not/seen\n", root.path()), Some(4096));
    }
}
