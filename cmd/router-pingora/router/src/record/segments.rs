//! Blocks in numbered files. It belongs to the recorder's thread.

use std::collections::BTreeSet;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use chrono::DateTime;
use lockstep_trace::{Gap, Header, append_config, append_file, append_gap};

use super::ring::{Entry, Ring};
use crate::say;

/// What segments and dumps need of a file.
pub trait File: Write + Send {
    /// Cuts it to that many bytes.
    fn truncate(&mut self, size: u64) -> io::Result<()>;
    /// Returns once its content would survive a loss of power.
    fn sync(&mut self) -> io::Result<()>;
}

impl File for fs::File {
    fn truncate(&mut self, size: u64) -> io::Result<()> {
        self.set_len(size)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.sync_all()
    }
}

/// Makes a file that was not there.
pub type Create = Box<dyn Fn(&Path) -> io::Result<Box<dyn File>> + Send>;

/// Makes a file that only its owner may read: recordings hold routing keys.
pub fn create_file(path: &Path) -> io::Result<Box<dyn File>> {
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    Ok(Box::new(file))
}

/// The segments of one recording.
pub struct Segments {
    folder: Option<PathBuf>, // None for no segments
    limit: u64,              // bytes of blocks in a segment
    header: Header,
    began: i64, // wall time of the recording's begin, in ns since 1970; it names the files
    create: Create,
    ring: Arc<Ring>,

    number: u32,                 // of the open segment, from 1
    file: Option<Box<dyn File>>, // None for none
    names: BTreeSet<u64>,        // digests of the configurations in it
    size: u64,                   // bytes in it
    blocks: u64,                 // bytes of blocks in it
    next: u64,                   // number of the next entry to write
    step: u64,                   // of the next fact to write
    lost: Option<Gap>,           // not yet told in a file
    failed: bool,                // the last write did
}

impl Segments {
    /// Writes what the ring gets from its first entry on.
    pub fn new(
        folder: Option<PathBuf>,
        limit: u64,
        (header, began): (Header, i64),
        create: Create,
        ring: Arc<Ring>,
    ) -> Segments {
        Segments {
            folder,
            limit,
            header,
            began,
            create,
            ring,
            number: 0,
            file: None,
            names: BTreeSet::new(),
            size: 0,
            blocks: 0,
            next: 0,
            step: 1,
            lost: None,
            failed: false,
        }
    }

    /// Writes every block that the ring holds and the disk does not.
    pub fn catch_up(&mut self) {
        if self.folder.is_none() {
            return;
        }
        while let Some(e) = self.ring.get(self.next) {
            if e.step > self.step {
                self.lose(e.step - self.step, e.number - self.next, "the disk did not keep up");
            }
            (self.step, self.next) = (e.step, e.number + 1);
            if let Err(error) = self.write(&e) {
                self.fail(&error);
                self.lose(e.steps, 1, "the disk failed");
            }
            self.step += e.steps;
        }
    }

    /// Books facts that will never be written, to be told in the file and now.
    fn lose(&mut self, steps: u64, blocks: u64, why: &str) {
        let lost = self.lost.get_or_insert_with(|| Gap { step: self.step, ..Gap::default() });
        lost.steps += steps;
        lost.blocks += blocks;
        lost.why = why.into();
        self.ring.count(|t| {
            t.lost_steps += steps;
            t.lost_blocks += blocks;
        });
        say!(Warn, "recording has a gap", "why" = why, "first_step" = self.step, "steps" = steps, "blocks" = blocks);
    }

    /// Puts one block, and before it whatever the file lacks, into a segment.
    fn write(&mut self, e: &Entry) -> io::Result<()> {
        if self.file.is_none() || self.blocks >= self.limit {
            self.rotate(e)?;
        }
        let Some(file) = &mut self.file else { return Err(io::ErrorKind::NotFound.into()) };
        let mut head = Vec::new();
        if let Some(gap) = &self.lost {
            append_gap(&mut head, gap);
        }
        append_configs(&mut head, e, &mut self.names);
        file.write_all(&head)?;
        let block = e.sealed(|block| file.write_all(block).map(|()| block.len() as u64))?;
        let all = head.len() as u64 + block;
        self.size += all;
        self.blocks += block;
        self.lost = None;
        self.ring.count(|t| {
            t.written_blocks += 1;
            t.written_bytes += all;
        });
        if self.failed {
            self.failed = false;
            say!(Info, "recording goes on", "file" = self.path().display());
        }
        Ok(())
    }

    /// Closes the open segment and begins the next with what e needs.
    fn rotate(&mut self, e: &Entry) -> io::Result<()> {
        if let Err(error) = self.finish() {
            self.fail(&error); // of the old segment; the new one may do better
        }
        self.number += 1;
        let created = (self.create)(&self.path());
        if created.is_err() {
            self.number -= 1;
        }
        let mut file = created?;
        (self.size, self.blocks) = (0, 0);
        self.names.clear();
        let mut header = self.header.clone();
        if let Some(config) = &e.config {
            header.config = config.digest();
        }
        let mut head = Vec::new();
        append_file(&mut head, &header);
        let written = file.write_all(&head);
        self.file = Some(file);
        written?;
        self.size = head.len() as u64;
        self.ring.count(|t| t.written_bytes += head.len() as u64);
        Ok(())
    }

    fn path(&self) -> PathBuf {
        let name = format!("{}-{:06}.lst", stamp(self.began), self.number);
        self.folder.clone().unwrap_or_default().join(name)
    }

    /// Gives up the open segment after its last whole block. The next block begins another: a full or
    /// broken disk may have been mended by then.
    fn fail(&mut self, error: &io::Error) {
        self.ring.count(|t| {
            t.disk_errors += 1;
            t.last_error = error.to_string();
        });
        if !self.failed {
            self.failed = true;
            let folder = self.folder.clone().unwrap_or_default();
            say!(
                Error,
                "recording cannot be written; serving is not affected",
                "folder" = folder.display(),
                "error" = error
            );
        }
        let Some(mut file) = self.file.take() else { return };
        let _ = file.truncate(self.size); // best effort: the first error is the one to tell
        drop(file);
        if self.blocks == 0 {
            // A full disk must not fill with empty segments.
            let _ = fs::remove_file(self.path());
            self.number -= 1;
        }
    }

    /// Makes the open segment durable and closes it.
    fn finish(&mut self) -> io::Result<()> {
        self.file.take().map_or(Ok(()), |mut file| file.sync())
    }

    /// Ends the recording. Facts lost at its very end are told in a last gap.
    pub fn close(&mut self) {
        if let (Some(file), Some(gap)) = (&mut self.file, &self.lost) {
            let mut last = Vec::new();
            append_gap(&mut last, gap);
            if let Err(error) = file.write_all(&last) {
                self.fail(&error);
            }
        }
        if let Err(error) = self.finish() {
            self.fail(&error);
        }
    }
}

/// Appends the configurations that a block names and a file lacks.
pub fn append_configs(dst: &mut Vec<u8>, e: &Entry, names: &mut BTreeSet<u64>) {
    for config in e.config.iter().chain(&e.offered) {
        if names.insert(config.digest()) {
            append_config(dst, config);
        }
    }
}

/// Prints a wall time, in ns since 1970, so that names sort by it.
pub fn stamp(ns: i64) -> String {
    DateTime::from_timestamp_nanos(ns).format("%Y%m%dT%H%M%S%.3fZ").to_string()
}

#[cfg(test)]
mod tests {
    use super::stamp;

    #[test]
    fn files_are_named_as_the_go_router_names_them() {
        assert_eq!(stamp(1_764_180_000_123_999_999), "20251126T180000.123Z");
        assert_eq!(stamp(0), "19700101T000000.000Z");
    }
}
