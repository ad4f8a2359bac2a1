//! Dumps of what memory holds, and how many are allowed.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::sync::mpsc::Sender;

use lockstep_core::{Duration, SECOND, Time};
use lockstep_trace::{Gap, append_file, append_gap, compress};

use super::segments::{append_configs, create_file, stamp};
use super::{Worker, lock};
use crate::say;

/// Least time between two dumps made for one placement.
const DUMP_EVERY: Duration = 10 * 60 * SECOND;
/// How many dumps are made because a breaker opened, over the life of the process, unless told otherwise.
pub const MAX_DUMPS: usize = 20;

/// Asks the recorder's thread for a dump.
pub struct DumpRequest {
    /// Stands in the file's header.
    pub why: String,
    /// When it was asked for.
    pub at: Time,
    /// Number of the first entry that is too new.
    pub until: u64,
    /// Is told how it went; None for nobody.
    pub reply: Option<Sender<Result<PathBuf, String>>>,
}

/// Decides which opened breaker is worth a dump, so that a fleet that flaps does not fill its disks.
pub struct Limiter {
    left: usize,
    last: BTreeMap<String, Time>,
}

impl Limiter {
    /// Allows that many, whichever the placement.
    pub fn new(left: usize) -> Limiter {
        Limiter { left, last: BTreeMap::new() }
    }

    /// Reports whether a breaker of that placement, opened at now, is worth a dump, and counts it.
    pub fn allow(&mut self, placement: &str, now: Time) -> bool {
        let soon = self.last.get(placement).is_some_and(|&at| now - at < DUMP_EVERY);
        if self.left == 0 || soon {
            return false;
        }
        self.last.insert(placement.into(), now);
        self.left -= 1;
        true
    }
}

impl Worker {
    /// Writes the blocks that memory holds, and says so.
    pub(super) fn dump(&self, q: DumpRequest) {
        if q.reply.is_none() {
            self.shared.asked.store(false, Ordering::Release);
        }
        let Some(folder) = &self.shared.o.dumps else { return };
        let origin = lock(&self.shared.front).header.origin;
        let path = folder.join(format!("dump-{}-{}.lst", stamp(origin + q.at), q.until));
        let result = match self.write_dump(&path, &q) {
            Ok(()) => {
                self.shared.ring.count(|s| s.dumps += 1);
                say!(Info, "the recording was dumped", "file" = path.display(), "why" = q.why);
                Ok(path)
            }
            Err(e) => {
                let error = format!("dumping the recording: {e}");
                self.shared.ring.count(|s| {
                    s.disk_errors += 1;
                    s.last_error = error.clone();
                });
                say!(Error, "the recording was not dumped", "why" = q.why, "error" = error);
                Err(error)
            }
        };
        if let Some(reply) = q.reply {
            let _ = reply.send(result); // its error: nobody waits any more
        }
    }

    fn write_dump(&self, path: &Path, q: &DumpRequest) -> io::Result<()> {
        let ring = &self.shared.ring;
        let mut entry = ring.get(0);
        let first = entry.as_ref().ok_or_else(|| io::Error::other("nothing is recorded yet"))?;
        let mut file = match create_file(path) {
            Ok(file) => file,
            // Nothing has happened since the dump of that name.
            Err(e) if e.kind() == ErrorKind::AlreadyExists => return Ok(()),
            Err(e) => return Err(e),
        };
        let mut header = lock(&self.shared.front).header.clone();
        header.why = q.why.clone();
        header.config = first.config.as_ref().map_or(0, |c| c.digest());
        let mut out = Vec::new();
        append_file(&mut out, &header);
        let mut names = BTreeSet::new();
        let (mut number, mut step) = (first.number, first.step);
        while let Some(e) = entry {
            if e.number > number {
                // The ring moved on while this was written.
                let why = "it left the memory before it was dumped".into();
                append_gap(&mut out, &Gap { step, steps: e.step - step, blocks: e.number - number, why });
            }
            append_configs(&mut out, &e, &mut names);
            e.sealed(|block| compress(&mut out, block));
            (number, step) = (e.number + 1, e.step + e.steps);
            drop(e);
            file.write_all(&out)?;
            out.clear();
            if number >= q.until {
                break;
            }
            entry = ring.get(number);
        }
        file.sync()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flapping_placement_is_dumped_once_in_ten_minutes_and_all_together_so_often() {
        let mut limiter = Limiter::new(3);
        for (placement, at, want) in [
            ("a", 0, true),
            ("a", DUMP_EVERY - 1, false),
            ("b", 1, true),
            ("a", DUMP_EVERY, true),
            ("c", 2 * DUMP_EVERY, false), // the cap
        ] {
            assert_eq!(limiter.allow(placement, at), want, "{placement} at {at}");
        }
    }
}
