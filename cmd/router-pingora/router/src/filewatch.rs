//! Notices that the files of a configuration have changed and calls back, as adapters/filewatch
//! does. It compares content, so a touched or rewritten but equal file is no change. It polls, as
//! the baseline does, and listens to the file system to be quicker; on a file system that tells
//! nothing (NFS, some containers) polling alone does the job. What a change means is the callback's
//! business.

use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify};
use ring::digest::{Context, SHA256};

/// The time between two polls unless told otherwise (BASELINE).
pub const EVERY: Duration = Duration::from_secs(5);

/// Lets a writer that empties a file before filling it get done.
const SETTLE: Duration = Duration::from_millis(20);

/// What to watch, and how.
pub struct Options {
    /// Files and glob patterns.
    pub patterns: Vec<String>,
    /// The time between two polls.
    pub every: Duration,
    /// Does not listen to the file system.
    pub poll_only: bool,
}

/// A watch under way; it ends when this is dropped.
pub struct Watch {
    word: UnixStream,
    thread: Option<JoinHandle<()>>,
}

/// Words that a watch's owner says to its thread.
const WORD_RELOAD: u8 = b'r';

impl Watch {
    /// Begins a watch. `changed` is called once at once, since the files may have changed after they
    /// were last read, and then after every change of content. It returns the patterns to watch from
    /// now on; None keeps those before, so that what a broken file included last time is still
    /// watched. After other patterns it is called once more. It is never called twice at once.
    pub fn begin(options: Options, changed: impl FnMut() -> Option<Vec<String>> + Send + 'static) -> io::Result<Watch> {
        let (word, heard) = UnixStream::pair()?;
        let mut watcher = Watcher { options, changed, seen: Vec::new(), notify: None };
        let run = move || watcher.run(heard);
        let thread = thread::Builder::new().name("filewatch".into()).spawn(run)?;
        Ok(Watch { word, thread: Some(thread) })
    }

    /// Calls back soon, whether the content has changed or not (SIGHUP).
    pub fn reload(&self) {
        // It fails only once the thread has ended, and then nobody watches.
        let _ = (&self.word).write_all(&[WORD_RELOAD]);
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let _ = self.word.shutdown(std::net::Shutdown::Both); // its error: the thread has ended
        if let Some(thread) = self.thread.take() {
            let _ = thread.join(); // a panic there has been told by its hook
        }
    }
}

struct Watcher<F> {
    options: Options,
    changed: F,
    seen: Vec<u8>,
    notify: Option<Inotify>,
}

impl<F: FnMut() -> Option<Vec<String>>> Watcher<F> {
    fn run(&mut self, mut heard: UnixStream) {
        if !self.options.poll_only {
            self.notify = Inotify::init(InitFlags::IN_CLOEXEC | InitFlags::IN_NONBLOCK).ok(); // else polling goes on
            self.watch_folders();
        }
        self.seen = self.fingerprint();
        self.change();
        let mut next = Instant::now() + self.options.every;
        loop {
            let (told, noticed) = self.wait(&heard, next);
            if told {
                let mut word = [0];
                match heard.read(&mut word) {
                    Ok(1) => {
                        self.seen = self.fingerprint(); // what is read now is no change later
                        self.change();
                    }
                    _ => return, // its owner is gone
                }
            } else if noticed {
                thread::sleep(SETTLE);
                self.take_notices();
            } else {
                next += self.options.every;
            }
            self.check();
        }
    }

    /// Waits for a word of the owner or a notice of the file system, at most until the next poll; it
    /// returns which of the two came.
    fn wait(&self, heard: &UnixStream, until: Instant) -> (bool, bool) {
        let left = until.saturating_duration_since(Instant::now()).as_millis().saturating_add(1);
        let timeout = PollTimeout::try_from(left.min(i32::MAX as u128) as i32).unwrap_or(PollTimeout::MAX);
        let mut fds: Vec<PollFd<'_>> = vec![readable(heard.as_fd())];
        fds.extend(self.notify.as_ref().map(|n| readable(n.as_fd())));
        // An interrupted wait is one poll too early, which is harmless.
        let _ = poll(&mut fds, timeout);
        let ready = |at: usize| fds.get(at).is_some_and(|fd| fd.any().unwrap_or(false));
        (ready(0), ready(1))
    }

    fn take_notices(&self) {
        let Some(notify) = &self.notify else { return };
        while notify.read_events().is_ok_and(|events| !events.is_empty()) {}
    }

    /// Calls back if the content differs from what was last seen.
    fn check(&mut self) {
        let now = self.fingerprint();
        if now != self.seen {
            self.seen = now;
            self.change();
        }
    }

    /// Calls back, and once more when that moves the patterns: what the new ones match may have
    /// changed after it was read and before it was first seen.
    fn change(&mut self) {
        while let Some(patterns) = (self.changed)() {
            if patterns == self.options.patterns {
                return;
            }
            self.options.patterns = patterns;
            self.seen = self.fingerprint();
            self.watch_folders();
        }
    }

    /// Is a hash of every file that matches, its path and content. A file that cannot be read counts
    /// by its path alone.
    fn fingerprint(&self) -> Vec<u8> {
        let mut hash = Context::new(&SHA256);
        for path in self.matches() {
            let data = std::fs::read(&path);
            let head = format!("{path:?} {} {}\n", data.as_ref().map_or(0, Vec::len), data.is_ok());
            hash.update(head.as_bytes());
            hash.update(&data.unwrap_or_default());
        }
        hash.finish().as_ref().to_vec()
    }

    fn matches(&self) -> Vec<PathBuf> {
        let found = self.options.patterns.iter().filter_map(|p| glob::glob(p).ok());
        let mut paths: Vec<PathBuf> = found.flatten().filter_map(Result::ok).collect();
        paths.sort();
        paths.dedup();
        paths
    }

    /// Asks for notices of the folders, not the files: an editor or a ConfigMap replaces a file by
    /// renaming, which a watch of the file would lose. A folder that cannot be watched is polled.
    fn watch_folders(&self) {
        let Some(notify) = &self.notify else { return };
        let of_interest = AddWatchFlags::IN_CREATE
            | AddWatchFlags::IN_MODIFY
            | AddWatchFlags::IN_CLOSE_WRITE
            | AddWatchFlags::IN_MOVED_TO
            | AddWatchFlags::IN_MOVED_FROM
            | AddWatchFlags::IN_DELETE;
        for path in self.matches().iter().map(PathBuf::as_path).chain(self.options.patterns.iter().map(Path::new)) {
            let folder = match path.parent() {
                Some(folder) if !folder.as_os_str().is_empty() => folder,
                _ => Path::new("."),
            };
            let _ = notify.add_watch(folder, of_interest);
        }
    }
}

fn readable(fd: BorrowedFd<'_>) -> PollFd<'_> {
    PollFd::new(fd, PollFlags::POLLIN)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::sync::mpsc::{Receiver, channel};

    /// Longer than any machine takes; a test that waits so long has failed.
    const PATIENCE: Duration = Duration::from_secs(20);

    fn folder(name: &str) -> PathBuf {
        let path = std::env::temp_dir().join(format!("router-pingora-filewatch-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&path); // of a run before
        fs::create_dir_all(&path).unwrap();
        path
    }

    fn options(pattern: &Path, every: Duration, poll_only: bool) -> Options {
        Options { patterns: vec![pattern.to_str().unwrap().into()], every, poll_only }
    }

    fn watch(o: Options) -> (Watch, Receiver<()>) {
        let (tell, told) = channel();
        let watch = Watch::begin(o, move || {
            tell.send(()).unwrap();
            None
        });
        (watch.unwrap(), told)
    }

    #[test]
    fn a_change_is_noticed_by_polling_and_by_notice_and_by_either_kind_of_writing() {
        for (name, every, poll_only) in
            [("poll", Duration::from_millis(5), true), ("notice", Duration::from_secs(3600), false)]
        {
            let folder = folder(name);
            let file = folder.join("config.json");
            fs::write(&file, "one").unwrap();
            let (_watch, told) = watch(options(&file, every, poll_only));
            told.recv_timeout(PATIENCE).expect("the first call");
            fs::write(&file, "two").unwrap();
            told.recv_timeout(PATIENCE).expect("written in place");
            let beside = folder.join("beside");
            fs::write(&beside, "three").unwrap();
            fs::rename(&beside, &file).unwrap();
            told.recv_timeout(PATIENCE).expect("replaced by renaming");
            fs::remove_dir_all(&folder).unwrap();
        }
    }

    #[test]
    fn an_equal_file_is_no_change_and_a_reload_asked_for_calls_back_all_the_same() {
        let folder = folder("equal");
        let file = folder.join("config.json");
        fs::write(&file, "one").unwrap();
        let (watch, told) = watch(options(&file, Duration::from_millis(5), true));
        told.recv_timeout(PATIENCE).expect("the first call");
        let beside = folder.join("beside");
        fs::write(&beside, "one").unwrap();
        fs::rename(&beside, &file).unwrap();
        watch.reload();
        told.recv_timeout(PATIENCE).expect("the reload");
        drop(watch); // it has looked once more after the reload
        assert!(told.try_recv().is_err(), "an equal file was taken for a change");
        fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn other_patterns_are_watched_from_then_on() {
        let folder = folder("patterns");
        let (main, part) = (folder.join("main.yaml"), folder.join("part-1.yaml"));
        fs::write(&main, "main").unwrap();
        fs::write(&part, "part").unwrap();
        let both = vec![main.to_str().unwrap().to_string(), folder.join("part-*.yaml").to_str().unwrap().to_string()];
        let (tell, told) = channel();
        let o = options(&main, Duration::from_millis(5), true);
        let _watch = Watch::begin(o, move || {
            tell.send(()).unwrap();
            Some(both.clone())
        })
        .unwrap();
        told.recv_timeout(PATIENCE).expect("the first call");
        told.recv_timeout(PATIENCE).expect("once more, since the patterns moved");
        fs::write(&part, "changed").unwrap();
        told.recv_timeout(PATIENCE).expect("the part changed");
        fs::remove_dir_all(&folder).unwrap();
    }
}
