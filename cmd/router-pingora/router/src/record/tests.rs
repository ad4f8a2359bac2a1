//! The recorder over a driver, with disks that fail, hang and mend.

use std::io::{self, Write};
use std::path::Path;
use std::sync::Condvar;
use std::sync::atomic::AtomicU32;

use lockstep_core::{Class, DecisionKind, Epoch, Fault, Origin};
use lockstep_trace::{Reader, Verifier};

use super::segments::File as Segment;
use super::*;
use crate::driver::Arrival;

/// A folder of one test, removed at its end.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Folder {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let unique = format!("router-pingora-record-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(unique);
        let _ = std::fs::remove_dir_all(&path); // of a run before
        Folder(path)
    }

    /// Replays everything in it as one recording.
    fn replay(&self) -> Verifier {
        let mut files: Vec<_> = std::fs::read_dir(&self.0).unwrap().map(|f| f.unwrap().path()).collect();
        files.sort();
        let mut v = Verifier::default();
        for file in files {
            let mut reader = Reader::new(std::io::BufReader::new(std::fs::File::open(file).unwrap())).unwrap();
            v.run(&mut reader).unwrap();
        }
        v
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0); // it stays behind then
    }
}

/// What a test does to its disk.
#[derive(Default)]
struct Weather {
    fails: AtomicBool,
    hangs: Mutex<bool>,
    mended: Condvar,
}

/// A file under weather.
struct Exposed(std::fs::File, Arc<Weather>);

impl Write for Exposed {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        let mut hangs = lock(&self.1.hangs);
        while *hangs {
            hangs = self.1.mended.wait(hangs).unwrap();
        }
        if self.1.fails.load(Ordering::Acquire) {
            let _ = self.0.write(&data[..data.len() / 2]); // a full disk leaves a part behind
            return Err(io::Error::other("injected"));
        }
        self.0.write(data)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

impl Segment for Exposed {
    fn truncate(&mut self, size: u64) -> io::Result<()> {
        self.0.truncate(size)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.0.sync()
    }
}

/// A driver with a recorder over that weather.
struct Rig {
    folder: Folder,
    weather: Arc<Weather>,
    recorder: Recorder,
    driver: Arc<Driver>,
}

impl Rig {
    fn new(memory: usize, segment: u64) -> Rig {
        let (folder, weather) = (Folder::new(), Arc::new(Weather::default()));
        let options = Options {
            folder: Some(folder.0.clone()),
            memory,
            segment,
            flush: Duration::from_secs(3600), // the test ends blocks
            ..Options::default()
        };
        let exposed = weather.clone();
        let create = move |path: &Path| {
            if exposed.fails.load(Ordering::Acquire) {
                return Err(io::Error::other("injected"));
            }
            let file = std::fs::OpenOptions::new().write(true).create_new(true).open(path)?;
            Ok(Box::new(Exposed(file, exposed.clone())) as Box<dyn Segment>)
        };
        let (recorder, observer) = Recorder::with(options, Box::new(create)).unwrap();
        let driver = Driver::new(driver::Options { seed: 7, recorder: Some(observer), ..driver::Options::default() });
        recorder.attach(&driver);
        let text =
            r#"{"version":"v","routingTable":{"a":"p"},"cellEndpoints":{"p":"http://h:1"},"defaultPlacement":"p"}"#;
        let config = lockstep_config::File::parse("t", text.as_bytes()).unwrap().compile().unwrap();
        driver.adopt(Some(config), Epoch::default(), Origin::FILE, Fault::NONE);
        Rig { folder, weather, recorder, driver }
    }

    /// Some requests, and the end of their block.
    fn block(&self) {
        for n in 0..20 {
            let a = self.driver.arrive(&Arrival { key: b"a", id: [1, n], ..Arrival::default() });
            assert_eq!(a.kind, DecisionKind::FORWARD);
            self.driver.finish(a.handle, Class::NONE, 200, true);
        }
        self.driver.view(|router| lock(&self.recorder.shared.front).cut(router, &self.recorder.shared));
    }

    fn until(&self, what: &str, is: impl Fn(&Stats) -> bool) {
        let end = Instant::now() + Duration::from_secs(60);
        while !is(&self.recorder.stats()) {
            assert!(Instant::now() < end, "never: {what}: {:?}", self.recorder.stats());
            thread::yield_now();
        }
    }
}

#[test]
fn what_is_recorded_replays_over_all_its_segments() {
    let rig = Rig::new(1 << 20, 1); // every block begins a segment
    for _ in 0..3 {
        rig.block();
    }
    rig.recorder.close();
    let files = std::fs::read_dir(&rig.folder.0).unwrap().count();
    let replayed = rig.folder.replay();
    let report = replayed.report();
    assert!(report.ok() && report.gaps.is_empty() && report.lost == 0);
    assert_eq!((report.requests, report.blocks, files), (60, 3, 3));
    let stats = rig.recorder.stats();
    assert_eq!((stats.steps, stats.written_blocks, stats.lost_blocks), (report.facts, 3, 0));
}

#[test]
fn a_disk_that_fails_leaves_a_gap_that_the_file_tells_and_no_half_block() {
    let rig = Rig::new(1 << 20, 1 << 20);
    rig.block();
    rig.until("the first block is written", |s| s.written_blocks == 1);
    rig.weather.fails.store(true, Ordering::Release);
    for _ in 0..2 {
        rig.block();
    }
    rig.until("two blocks are lost", |s| s.lost_blocks == 2);
    rig.weather.fails.store(false, Ordering::Release);
    rig.block();
    rig.recorder.close();
    let replayed = rig.folder.replay();
    let report = replayed.report();
    assert!(report.ok() && report.damage.is_empty());
    let [gap] = &report.gaps[..] else { panic!("{} gaps", report.gaps.len()) };
    assert_eq!((gap.steps, gap.blocks, gap.why.as_str()), (80, 2, "the disk failed"));
    assert_eq!((report.requests, report.blocks), (40, 2));
    let stats = rig.recorder.stats();
    assert!(stats.disk_errors >= 2 && stats.last_error == "injected", "{stats:?}");
}

#[test]
fn a_disk_that_hangs_makes_nobody_wait_and_costs_the_oldest_blocks() {
    let rig = Rig::new(1, 1 << 20); // one block is kept
    *lock(&rig.weather.hangs) = true;
    for _ in 0..6 {
        rig.block(); // it would hang here, if anybody waited
    }
    *lock(&rig.weather.hangs) = false;
    rig.weather.mended.notify_all();
    rig.recorder.close();
    let replayed = rig.folder.replay();
    let report = replayed.report();
    assert!(report.ok() && report.damage.is_empty());
    let lost: u64 = report.gaps.iter().map(|g| g.blocks).sum();
    assert!(lost >= 4 && report.gaps.iter().all(|g| g.why == "the disk did not keep up"), "{lost} blocks lost");
    assert_eq!(report.blocks + lost, 6);
    assert_eq!(rig.recorder.stats().lost_blocks, lost);
}

#[test]
fn steps_after_the_end_are_not_recorded_and_a_second_end_is_harmless() {
    let rig = Rig::new(1 << 20, 1 << 20);
    rig.block();
    rig.recorder.close();
    rig.block();
    rig.recorder.close();
    assert_eq!(rig.folder.replay().report().requests, 20);
    assert!(rig.recorder.dump("late").is_err());
}
