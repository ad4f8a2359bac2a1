//! The last configuration that a control plane pushed, kept on disk, so that a router that
//! restarts while the control plane is away comes up with what it had (R13). Files, formats and the
//! order of operations are those of adapters/lkg: either binary starts from the other's folder.
//!
//! A folder holds `current`, and for a moment `pending`. The order that no crash can break: write
//! and fsync pending, adopt, rename pending to current, fsync the folder, acknowledge. A copy begins
//! with a line that carries its length and hash, so that a damaged one is noticed and never adopted.
//!
//! A second copy, `lkg`, is the last that a router lived with for its soak. A small file, `runs`,
//! counts the runs that began with a copy and have neither soaked nor ended in good order: after two
//! of them a router starts with `lkg`, and the copy that they died with is refused if it is pushed
//! again.
//!
//! While a router is upgraded, it and its successor use one folder. Each change is made under a lock
//! on the folder, and what one of them prepared and the other has taken away is written again.

use std::fmt;
use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use ring::digest::{SHA256, digest};

const CURRENT: &str = "current";
const PENDING: &str = "pending";
const LKG: &str = "lkg";
const RUNS: &str = "runs";
/// What lkg and runs are written as before their rename.
const NEW: &str = "new";

/// How many runs may die with a copy within its soak.
pub const MAX_DEATHS: u32 = 2;

/// How many copies are counted at once: the one in force, one on its way, and a few before.
const MAX_RUNS: usize = 4;

/// Why a copy could not be read or kept.
#[derive(Debug)]
pub enum StoreError {
    /// No copy has been kept yet.
    Empty,
    /// The disk refused, or a copy is damaged; the text is for a person.
    Failed(String),
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StoreError::Empty => f.write_str("no last-known-good copy"),
            StoreError::Failed(why) => f.write_str(why),
        }
    }
}

impl std::error::Error for StoreError {}

/// What a store asks of a file system; tests inject faults through it.
pub trait Disk: Send {
    /// Makes a folder and those above it, for its owner only.
    fn make_folder(&mut self, folder: &Path) -> io::Result<()>;
    /// Returns a file's content.
    fn read(&mut self, path: &Path) -> io::Result<Vec<u8>>;
    /// Replaces the file and returns once its content would survive a loss of power.
    fn write_sync(&mut self, path: &Path, data: &[u8]) -> io::Result<()>;
    /// Gives a file another name, in place of any that had it.
    fn rename(&mut self, from: &Path, to: &Path) -> io::Result<()>;
    /// Returns once the names in the folder would survive a loss of power.
    fn sync_folder(&mut self, folder: &Path) -> io::Result<()>;
    /// Keeps other processes from changing what is in the folder until it is dropped; None where
    /// there are no locks.
    fn lock(&mut self, folder: &Path) -> Option<fs::File>;
}

/// The machine's own file system. Files are readable by their owner only: a configuration names
/// what is inside.
pub struct Os;

impl Disk for Os {
    fn make_folder(&mut self, folder: &Path) -> io::Result<()> {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)
    }

    fn read(&mut self, path: &Path) -> io::Result<Vec<u8>> {
        fs::read(path)
    }

    fn write_sync(&mut self, path: &Path, data: &[u8]) -> io::Result<()> {
        let mut options = fs::OpenOptions::new();
        let mut file = options.write(true).create(true).truncate(true).mode(0o600).open(path)?;
        file.write_all(data)?;
        file.sync_all()
    }

    fn rename(&mut self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn sync_folder(&mut self, folder: &Path) -> io::Result<()> {
        fs::File::open(folder)?.sync_all()
    }

    fn lock(&mut self, folder: &Path) -> Option<fs::File> {
        let file = fs::File::open(folder).ok()?;
        file.lock().ok()?;
        Some(file)
    }
}

/// What a router starts with.
#[derive(Debug)]
pub struct Choice {
    /// The copy's content.
    pub body: Vec<u8>,
    /// It is the older generation, since the current copy cannot be used: `damaged` says why, or
    /// else `deaths` runs died with it.
    pub soaked: bool,
    /// What is wrong with the current copy; None for nothing.
    pub damaged: Option<String>,
    /// How many runs in a row died with the current copy within its soak. At MAX_DEATHS and without
    /// `soaked` there was no older generation to go back to.
    pub deaths: u32,
}

/// One folder of copies. One router at a time may use a folder, but while it is upgraded its
/// successor uses it too.
pub struct Store(Mutex<Folder>);

struct Folder {
    path: PathBuf,
    disk: Box<dyn Disk>,
    current: Option<Vec<u8>>, // as last read or committed, None for unknown
    pending: Option<Vec<u8>>,
    began: Option<Vec<u8>>,  // what this run has begun with
    before: Option<Vec<u8>>, // and had before
}

/// Counts the runs that began with a copy.
struct Run {
    hash: Vec<u8>,
    begun: u32,
}

impl Store {
    /// Returns the store in a folder, which it makes if it is not there.
    pub fn open(folder: &Path) -> Result<Store, StoreError> {
        Store::open_on(Box::new(Os), folder)
    }

    /// Is `open` on another disk, for tests.
    pub fn open_on(mut disk: Box<dyn Disk>, folder: &Path) -> Result<Store, StoreError> {
        disk.make_folder(folder).map_err(failed("making the folder of last-known-good copies"))?;
        let path = folder.to_owned();
        Ok(Store(Mutex::new(Folder { path, disk, current: None, pending: None, began: None, before: None })))
    }

    /// Returns the copy that a restart begins with.
    pub fn current(&self) -> Result<Vec<u8>, StoreError> {
        let mut s = self.lock();
        let body = s.copy(CURRENT)?;
        s.current = Some(body.clone());
        Ok(body)
    }

    /// Puts body on the disk beside the current copy, which stays what a restart begins with. After
    /// an error nothing has changed.
    pub fn prepare(&self, body: &[u8]) -> Result<(), StoreError> {
        let mut s = self.lock();
        let _held = s.hold();
        s.pending = Some(body.to_vec());
        if s.kept() {
            return Ok(());
        }
        s.write_pending()
    }

    /// Makes what `prepare` wrote the current copy. After an error a restart may begin with either.
    pub fn commit(&self) -> Result<(), StoreError> {
        let mut s = self.lock();
        let _held = s.hold();
        if s.kept() {
            return Ok(());
        }
        s.current = None;
        let pending = s.path.join(PENDING);
        if s.disk.read(&pending).ok() != s.pending.as_deref().map(seal) {
            s.write_pending()?; // the other process of an upgrade was at it
        }
        let (to, folder) = (s.path.join(CURRENT), s.path.clone());
        s.disk.rename(&pending, &to).map_err(failed("renaming the last-known-good copy"))?;
        s.disk.sync_folder(&folder).map_err(failed("syncing the folder of last-known-good copies"))?;
        s.current = s.pending.clone();
        Ok(())
    }

    /// Returns the copy to start with: the current one, or the one before that has soaked, if the
    /// current one is damaged or MAX_DEATHS runs died with it.
    pub fn start(&self) -> Result<Choice, StoreError> {
        let mut s = self.lock();
        let (current, soaked) = (s.copy(CURRENT), s.copy(LKG).ok());
        match (current, soaked) {
            (Ok(body), soaked) => {
                s.current = Some(body.clone());
                let deaths = if soaked.as_ref() == Some(&body) { 0 } else { s.begun(&body) };
                match soaked {
                    Some(body) if deaths >= MAX_DEATHS => Ok(Choice { body, soaked: true, damaged: None, deaths }),
                    _ => Ok(Choice { body, soaked: false, damaged: None, deaths }),
                }
            }
            (Err(StoreError::Failed(why)), Some(body)) => {
                Ok(Choice { body, soaked: true, damaged: Some(why), deaths: 0 })
            }
            (Err(e), _) => Err(e),
        }
    }

    /// Reports whether MAX_DEATHS runs died with a copy within its soak.
    pub fn condemned(&self, body: &[u8]) -> bool {
        let mut s = self.lock();
        !s.running(body) && s.begun(body) >= MAX_DEATHS && !s.is_soaked(body)
    }

    /// Notes that a run begins with a copy, before it does. One that has soaked already, or that
    /// this run has, is not counted. After an error nothing has changed.
    pub fn begin(&self, body: &[u8]) -> Result<(), StoreError> {
        let mut s = self.lock();
        let _held = s.hold();
        if s.running(body) {
            return Ok(());
        }
        if !s.is_soaked(body) {
            s.count(body, 1).map_err(failed("counting the run"))?;
        }
        s.before = s.began.take();
        s.began = Some(body.to_vec());
        Ok(())
    }

    /// Begins a copy's count anew: the operator insists on it.
    pub fn forgive(&self, body: &[u8]) -> Result<(), StoreError> {
        let mut s = self.lock();
        let _held = s.hold();
        s.clear(body).map_err(failed("forgetting the runs that died"))
    }

    /// Takes back the last `begin`: the copy was not adopted.
    pub fn abandon(&self, body: &[u8]) -> Result<(), StoreError> {
        let mut s = self.lock();
        let _held = s.hold();
        if !s.running(body) {
            return Ok(());
        }
        s.began = s.before.take();
        s.count(body, -1).map_err(failed("taking back the count of a run"))
    }

    /// Notes that this run ends in good order, or goes on with another copy: whatever ends it later
    /// is not the fault of this one.
    pub fn leave(&self, body: &[u8]) -> Result<(), StoreError> {
        let mut s = self.lock();
        let _held = s.hold();
        s.count(body, -1).map_err(failed("taking back the count of a run"))
    }

    /// Keeps a copy as the older generation. After an error the one before is still there, whole.
    pub fn soaked(&self, body: &[u8]) -> Result<(), StoreError> {
        let mut s = self.lock();
        let _held = s.hold();
        if s.is_soaked(body) {
            return Ok(());
        }
        s.replace(LKG, &seal(body)).map_err(failed("keeping the copy that has soaked"))?;
        s.clear(body).map_err(failed("forgetting the runs that died"))
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Folder> {
        self.0.lock().unwrap_or_else(|e| e.into_inner())
    }
}

fn failed(doing: &'static str) -> impl Fn(io::Error) -> StoreError {
    move |e| StoreError::Failed(format!("{doing}: {e}"))
}

impl Folder {
    /// Keeps the other process of an upgrade out until it is dropped.
    fn hold(&mut self) -> Option<fs::File> {
        let folder = self.path.clone();
        self.disk.lock(&folder)
    }

    fn write_pending(&mut self) -> Result<(), StoreError> {
        let (path, body) = (self.path.join(PENDING), seal(self.pending.as_deref().unwrap_or_default()));
        self.disk.write_sync(&path, &body).map_err(failed("writing the last-known-good copy"))
    }

    /// Reports whether what is pending is on disk already: a control plane sends its snapshot again
    /// at every connect. The other process of an upgrade may have put another copy in its place
    /// since.
    fn kept(&mut self) -> bool {
        let path = self.path.join(CURRENT);
        self.current.is_some()
            && self.current == self.pending
            && self.disk.read(&path).ok() == self.pending.as_deref().map(seal)
    }

    fn running(&self, body: &[u8]) -> bool {
        self.began.as_deref() == Some(body)
    }

    fn is_soaked(&mut self, body: &[u8]) -> bool {
        self.copy(LKG).is_ok_and(|soaked| soaked == body)
    }

    /// Reads and checks a sealed copy.
    fn copy(&mut self, name: &str) -> Result<Vec<u8>, StoreError> {
        let path = self.path.join(name);
        let file = match self.disk.read(&path) {
            Ok(file) => file,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Err(StoreError::Empty),
            Err(e) => return Err(failed("reading the last-known-good copy")(e)),
        };
        open(&file)
            .map_err(|why| StoreError::Failed(format!("{}: {why}; move it away to look at it later", path.display())))
    }

    fn begun(&mut self, body: &[u8]) -> u32 {
        let hash = digest(&SHA256, body);
        self.runs().iter().find(|r| r.hash == hash.as_ref()).map_or(0, |r| r.begun)
    }

    /// Adds to a copy's runs, which never fall below 0.
    fn count(&mut self, body: &[u8], n: i32) -> io::Result<()> {
        let was = self.begun(body);
        self.set(body, was, was.saturating_add_signed(n))
    }

    fn clear(&mut self, body: &[u8]) -> io::Result<()> {
        let was = self.begun(body);
        self.set(body, was, 0)
    }

    fn set(&mut self, body: &[u8], was: u32, begun: u32) -> io::Result<()> {
        if was == begun {
            return Ok(());
        }
        let hash = digest(&SHA256, body).as_ref().to_vec();
        let mut out = vec![Run { hash, begun }];
        for run in self.runs() {
            if run.hash != out[0].hash && run.begun > 0 && out.len() < MAX_RUNS {
                out.push(run);
            }
        }
        let text: String = out.iter().map(|r| format!("{} {}\n", hex(&r.hash), r.begun)).collect();
        self.replace(RUNS, text.as_bytes())
    }

    /// Reads the counts, the newest first. What is damaged counts nothing: a count that is lost
    /// costs one more attempt.
    fn runs(&mut self) -> Vec<Run> {
        let path = self.path.join(RUNS);
        let text = self.disk.read(&path).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        let run = |line: &str| {
            let (hash, begun) = line.split_once(' ')?;
            Some(Run { hash: unhex(hash).filter(|h| h.len() == 32)?, begun: begun.parse().ok()? })
        };
        text.lines().map_while(run).collect()
    }

    /// Writes a file whole or not at all.
    fn replace(&mut self, name: &str, data: &[u8]) -> io::Result<()> {
        let (new, to, folder) = (self.path.join(NEW), self.path.join(name), self.path.clone());
        self.disk.write_sync(&new, data)?;
        self.disk.rename(&new, &to)?;
        self.disk.sync_folder(&folder)
    }
}

/// Puts the line before a body that `open` checks.
fn seal(body: &[u8]) -> Vec<u8> {
    let mut out = format!("lockstep-copy 1 {} {}\n", body.len(), hex(digest(&SHA256, body).as_ref())).into_bytes();
    out.extend_from_slice(body);
    out
}

/// Returns the body of a sealed copy, or what is wrong with it.
fn open(file: &[u8]) -> Result<Vec<u8>, String> {
    let not_a_copy = || "this is not a last-known-good copy, or its first line is damaged".to_string();
    let end = file.iter().position(|&b| b == b'\n').ok_or_else(not_a_copy)?;
    let line = std::str::from_utf8(&file[..end]).map_err(|_| not_a_copy())?;
    let (length, sum) = line
        .strip_prefix("lockstep-copy 1 ")
        .and_then(|rest| rest.split_once(' '))
        .and_then(|(length, sum)| Some((length.parse::<usize>().ok()?, unhex(sum)?)))
        .ok_or_else(not_a_copy)?;
    let body = &file[end + 1..];
    if body.len() != length {
        return Err(format!("the copy is damaged: it should hold {length} bytes and has {}", body.len()));
    }
    if digest(&SHA256, body).as_ref() != sum {
        return Err("the copy is damaged: its content does not match its hash".to_string());
    }
    Ok(body.to_vec())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    if !text.len().is_multiple_of(2) || !text.is_ascii() {
        return None;
    }
    (0..text.len()).step_by(2).map(|i| u8::from_str_radix(&text[i..i + 2], 16).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::{HashMap, HashSet};
    use std::sync::Arc;

    /// A disk in memory with what POSIX promises after a loss of power and no more: content is safe
    /// once synced, names are safe once the folder is. Operation number `fail_at` fails; with `cut`
    /// it also fails all that follow, as a loss of power does.
    #[derive(Default, Clone)]
    struct Flaky {
        names: HashMap<PathBuf, (Vec<u8>, bool)>,
        synced: HashMap<PathBuf, (Vec<u8>, bool)>,
        done: usize,
        fail_at: usize,
        cut: bool,
    }

    /// Shares a flaky disk between a store and its test.
    #[derive(Clone, Default)]
    struct Shared(Arc<Mutex<Flaky>>);

    impl Flaky {
        fn fails(&mut self) -> io::Result<()> {
            self.done += 1;
            if self.done == self.fail_at || self.cut && self.fail_at > 0 && self.done > self.fail_at {
                return Err(io::Error::other("injected"));
            }
            Ok(())
        }
    }

    impl Disk for Shared {
        fn make_folder(&mut self, _: &Path) -> io::Result<()> {
            Ok(())
        }

        fn read(&mut self, path: &Path) -> io::Result<Vec<u8>> {
            let disk = self.0.lock().unwrap();
            disk.names.get(path).map(|(data, _)| data.clone()).ok_or(io::ErrorKind::NotFound.into())
        }

        /// Two operations, write and fsync; a failed write leaves half of it.
        fn write_sync(&mut self, path: &Path, data: &[u8]) -> io::Result<()> {
            let mut disk = self.0.lock().unwrap();
            disk.names.insert(path.into(), (data[..data.len() / 2].to_vec(), false));
            disk.fails()?;
            disk.names.insert(path.into(), (data.to_vec(), false));
            disk.fails()?;
            disk.names.insert(path.into(), (data.to_vec(), true));
            Ok(())
        }

        fn rename(&mut self, from: &Path, to: &Path) -> io::Result<()> {
            let mut disk = self.0.lock().unwrap();
            disk.fails()?;
            let file = disk.names.remove(from).ok_or(io::ErrorKind::NotFound)?;
            disk.names.insert(to.into(), file);
            Ok(())
        }

        fn lock(&mut self, _: &Path) -> Option<fs::File> {
            None
        }

        fn sync_folder(&mut self, _: &Path) -> io::Result<()> {
            let mut disk = self.0.lock().unwrap();
            disk.fails()?;
            disk.synced = disk.names.clone();
            Ok(())
        }
    }

    /// The disks that a loss of power may leave: names as last synced, or as programs saw them, with
    /// unsynced content gone.
    fn crashes(disk: &Shared) -> Vec<Shared> {
        let disk = disk.0.lock().unwrap();
        let after = |names: &HashMap<PathBuf, (Vec<u8>, bool)>| {
            let kept = |(data, safe): &(Vec<u8>, bool)| (if *safe { data.clone() } else { Vec::new() }, true);
            let names = names.iter().map(|(name, file)| (name.clone(), kept(file))).collect();
            Shared(Arc::new(Mutex::new(Flaky { names, ..Flaky::default() })))
        };
        vec![after(&disk.synced), after(&disk.names)]
    }

    fn check_crashes(disk: &Shared, allowed: &HashSet<Option<Vec<u8>>>, at: &str) {
        for after in crashes(disk) {
            let store = Store::open_on(Box::new(after), Path::new("d")).unwrap();
            let found = match store.current() {
                Ok(body) => Some(body),
                Err(StoreError::Empty) => None,
                Err(e) => panic!("{at}: after a crash: {e}"),
            };
            assert!(allowed.contains(&found), "{at}: after a crash: found {found:?}, want one of {allowed:?}");
        }
    }

    #[test]
    fn no_fault_and_no_crash_loses_the_copy() {
        const PUSHES: usize = 3;
        for cut in [false, true] {
            for fail_at in 0..=4 * PUSHES {
                let at = format!("operation {fail_at} fails, cut {cut}");
                let disk = Shared(Arc::new(Mutex::new(Flaky { fail_at, cut, ..Flaky::default() })));
                let store = Store::open_on(Box::new(disk.clone()), Path::new("d")).unwrap();
                let mut promised = None;
                let mut allowed = HashSet::from([None]);
                for i in 0..PUSHES {
                    let body = format!("version {}", i % 2 + 1).into_bytes(); // the first comes back at the end
                    if store.prepare(&body).is_err() {
                        check_crashes(&disk, &allowed, &at);
                        continue;
                    }
                    allowed.insert(Some(body.clone()));
                    check_crashes(&disk, &allowed, &at);
                    if store.commit().is_ok() {
                        promised = Some(body.clone());
                        allowed = HashSet::from([Some(body)]);
                    }
                    check_crashes(&disk, &allowed, &at);
                }
                if fail_at == 0 {
                    assert_eq!(promised, Some(b"version 1".to_vec()), "without a fault the last push is kept");
                }
            }
        }
    }

    #[test]
    fn a_copy_is_written_as_the_go_router_writes_it() {
        let want = "lockstep-copy 1 3 ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\nabc";
        assert_eq!(seal(b"abc"), want.as_bytes());
        assert_eq!(open(want.as_bytes()).unwrap(), b"abc");
    }

    #[test]
    fn a_damaged_copy_is_never_used() {
        let whole = seal(b"a configuration");
        for (what, file) in [
            ("empty", Vec::new()),
            ("cut off", whole[..whole.len() - 1].to_vec()),
            ("longer", [&whole[..], b"x"].concat()),
            ("a bit flipped", [&whole[..whole.len() - 1], b"m"].concat()),
            ("another file", b"{\"version\":\"1\"}\n".to_vec()),
            ("no end of line", whole[..20].to_vec()),
        ] {
            assert!(open(&file).is_err(), "{what}");
        }
    }

    fn store() -> (Store, Shared) {
        let disk = Shared::default();
        (Store::open_on(Box::new(disk.clone()), Path::new("d")).unwrap(), disk)
    }

    /// A run that adopts a copy; what ends it is up to the test.
    fn run(disk: &Shared, body: &[u8]) -> Store {
        let store = Store::open_on(Box::new(disk.clone()), Path::new("d")).unwrap();
        store.prepare(body).unwrap();
        store.begin(body).unwrap();
        store.commit().unwrap();
        store
    }

    #[test]
    fn after_two_deaths_within_the_soak_a_run_starts_with_the_copy_that_has_soaked() {
        let (first, disk) = store();
        first.prepare(b"good").unwrap();
        first.begin(b"good").unwrap();
        first.commit().unwrap();
        first.soaked(b"good").unwrap();
        for death in 1..=2 {
            let dies = run(&disk, b"bad");
            assert_eq!(dies.start().unwrap().deaths, death);
        }
        let next = Store::open_on(Box::new(disk), Path::new("d")).unwrap();
        let choice = next.start().unwrap();
        assert_eq!((choice.body.as_slice(), choice.soaked, choice.deaths), (&b"good"[..], true, 2));
        assert!(next.condemned(b"bad") && !next.condemned(b"good"));
        next.forgive(b"bad").unwrap();
        assert!(!next.condemned(b"bad"), "an operator who insists may try again");
    }

    #[test]
    fn a_run_that_ends_in_good_order_is_not_counted() {
        let (_, disk) = store();
        for _ in 0..5 {
            let run = run(&disk, b"fine");
            assert_eq!(run.start().unwrap().deaths, 1, "while it runs");
            run.leave(b"fine").unwrap();
            assert_eq!(run.start().unwrap().deaths, 0, "after it");
        }
    }

    #[test]
    fn a_copy_that_was_not_adopted_is_not_counted() {
        let (store, _) = store();
        store.prepare(b"a").unwrap();
        store.begin(b"a").unwrap();
        store.commit().unwrap();
        store.begin(b"b").unwrap();
        store.abandon(b"b").unwrap();
        assert_eq!(store.start().unwrap().deaths, 1);
        store.begin(b"a").unwrap();
        assert_eq!(store.start().unwrap().deaths, 1, "it is still the one that runs");
    }

    #[test]
    fn a_damaged_current_copy_gives_way_to_the_one_that_has_soaked() {
        let (store, disk) = store();
        store.prepare(b"good").unwrap();
        store.commit().unwrap();
        store.soaked(b"good").unwrap();
        disk.0.lock().unwrap().names.insert("d/current".into(), (b"noise".to_vec(), true));
        let choice = store.start().unwrap();
        assert!(choice.soaked && choice.damaged.is_some() && choice.body == b"good");
    }

    #[test]
    fn the_counts_are_written_as_the_go_router_writes_them() {
        let (store, disk) = store();
        store.prepare(b"abc").unwrap();
        store.begin(b"abc").unwrap();
        let want = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad 1\n";
        assert_eq!(disk.0.lock().unwrap().names[Path::new("d/runs")].0, want.as_bytes());
    }

    /// Opens one folder as a router and its successor do.
    fn both(name: &str) -> (PathBuf, Store, Store) {
        let folder = std::env::temp_dir().join(format!("lockstep-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        (folder.clone(), Store::open(&folder).unwrap(), Store::open(&folder).unwrap())
    }

    #[test]
    fn a_push_is_kept_though_the_other_process_was_at_it() {
        type Order = fn(&Store, &Store) -> Result<(), StoreError>;
        let orders: [(&str, Order); 4] = [
            ("it prepared later", |old, new| new.prepare(b"v3").and(old.prepare(b"v2")).and(new.commit())),
            ("it committed in between", |old, new| {
                old.prepare(b"v2").and(new.prepare(b"v3")).and(old.commit()).and(new.commit())
            }),
            ("it committed another since, and this one is pushed again", |old, new| {
                old.prepare(b"v2").and(new.prepare(b"v3")).and(new.commit()).and(old.commit())?;
                new.prepare(b"v3").and(new.commit())
            }),
            ("it committed the same", |old, new| {
                old.prepare(b"v3").and(new.prepare(b"v3")).and(old.commit()).and(new.commit())
            }),
        ];
        for (name, order) in orders {
            let (folder, old, new) = both("push");
            order(&old, &new).unwrap_or_else(|e| panic!("{name}: {e}"));
            assert_eq!(Store::open(&folder).unwrap().current().unwrap(), b"v3", "{name}");
            fs::remove_dir_all(folder).unwrap();
        }
    }

    #[test]
    fn two_processes_lose_no_count() {
        let (folder, old, new) = both("count");
        std::thread::scope(|s| {
            for (i, store) in [&old, &new].into_iter().enumerate() {
                s.spawn(move || {
                    for n in 0..100 {
                        let body = format!("{} of {i}", n % 2); // four copies are counted at once
                        store.begin(body.as_bytes()).unwrap();
                        store.leave(body.as_bytes()).unwrap();
                    }
                });
            }
        });
        assert!(old.lock().runs().iter().all(|r| r.begun == 0));
        fs::remove_dir_all(folder).unwrap();
    }
}
