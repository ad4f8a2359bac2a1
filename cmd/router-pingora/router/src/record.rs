//! The flight recorder, as adapters/flightrec: it keeps the newest blocks of a router's trace in
//! memory, writes them to segments if asked to, and dumps them when a breaker opens or somebody asks.
//!
//! Recording is on the way of every request, under the driver's lock, so that way only appends to a
//! buffer. A thread does the rest. The ring of finished blocks is also its queue: when the disk cannot
//! keep up, or fails, the oldest block goes, and the file says which steps are missing. Serving never
//! waits and never learns of it; the statistics and the log do.
//!
//! What may not live here: the format (crate lockstep-trace), signals and flags (serve).

mod dump;
mod ring;
mod segments;
#[cfg(test)]
mod tests;

use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use lockstep_core::{Config, Decision, DecisionKind, Event, EventKind, Router, Time, snapshot_config};
use lockstep_trace::{Encoder, Header, Request as TraceRequest};

use crate::driver::{self, Driver, Request};
use dump::{DumpRequest, Limiter};
use ring::Ring;
pub use ring::Stats;
use segments::{Create, Segments, create_file};

/// What a [`Recorder`] is made with.
pub struct Options {
    /// What a person calls this router; it stands in every file's header.
    pub name: String,
    /// How many bytes of finished blocks are kept. The last block is kept whatever its size.
    pub memory: usize,
    /// The folder that everything is recorded to, in segments; None for none.
    pub folder: Option<PathBuf>,
    /// How many bytes of blocks make a segment.
    pub segment: u64,
    /// Ends a block early when segments are written, so that a recording on disk lags behind its
    /// router by no more. A quiet router's blocks are smaller for it than the format would like.
    pub flush: Duration,
    /// The folder for dumps of what memory holds; None for no dumps.
    pub dumps: Option<PathBuf>,
    /// Bounds the dumps made because a breaker opened, over the life of the process. Those asked for
    /// by `dump` do not count.
    pub max_dumps: usize,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            name: String::new(),
            memory: 64 << 20,
            folder: None,
            segment: 64 << 20,
            flush: Duration::from_secs(1),
            dumps: None,
            max_dumps: dump::MAX_DUMPS,
        }
    }
}

/// Records every step of a driver's router; all that is not appending, a thread of its own does.
pub struct Recorder {
    shared: Arc<Shared>,
    words: Sender<Word>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

/// What the recorder's thread is told.
enum Word {
    Ready, // a block is finished
    Dump(DumpRequest),
    Stop,
}

struct Shared {
    o: Options,
    ring: Arc<Ring>,
    words: Sender<Word>,
    asked: AtomicBool, // a dump because of a breaker waits
    driver: Mutex<Weak<Driver>>,
    front: Mutex<Front>,
}

/// What belongs to the driver's lock. It has a lock of its own, which nobody else waits for: the
/// driver calls `observe` under its lock, and everybody else comes through `Driver::view`.
struct Front {
    enc: Encoder,
    header: Header,
    began: i64, // wall time of the recording's begin, in ns since 1970; the names of its files
    closed: bool,
    first: u64,                  // step of the current block's first fact
    config: Option<Arc<Config>>, // in force when the current block began
    offered: Vec<Arc<Config>>,   // by the adopts of the current block
    limiter: Limiter,
}

/// The recorder as its driver sees it.
struct Observer(Arc<Shared>);

impl Recorder {
    /// Returns a recorder, and what `driver::Options::recorder` takes. It makes the folders that are
    /// named; that is the only error.
    pub fn new(o: Options) -> Result<(Recorder, Box<dyn driver::Recorder>), String> {
        Recorder::with(o, Box::new(create_file))
    }

    fn with(o: Options, create: Create) -> Result<(Recorder, Box<dyn driver::Recorder>), String> {
        for folder in o.folder.iter().chain(&o.dumps) {
            DirBuilder::new()
                .recursive(true)
                .mode(0o700)
                .create(folder)
                .map_err(|e| format!("making the folder for recordings: {}: {e}", folder.display()))?;
        }
        let (words, heard) = channel();
        let front = Front {
            enc: Encoder::new(),
            header: Header { name: o.name.clone(), ..Header::default() },
            began: 0,
            closed: false,
            first: 1,
            config: None,
            offered: Vec::new(),
            limiter: Limiter::new(o.max_dumps),
        };
        let shared = Arc::new(Shared {
            ring: Arc::new(Ring::new(o.memory)),
            o,
            words: words.clone(),
            asked: AtomicBool::new(false),
            driver: Mutex::new(Weak::new()),
            front: Mutex::new(front),
        });
        let worker = Worker { shared: shared.clone(), heard, create: Some(create) };
        let thread = thread::Builder::new()
            .name("recorder".into())
            .spawn(move || worker.run())
            .map_err(|e| format!("starting the recorder: {e}"))?;
        let observer = Box::new(Observer(shared.clone()));
        Ok((Recorder { shared, words, thread: Mutex::new(Some(thread)) }, observer))
    }

    /// Tells whose router is recorded, so that quiet blocks can be ended. Call it once, after the
    /// driver is made.
    pub fn attach(&self, driver: &Arc<Driver>) {
        *lock(&self.shared.driver) = Arc::downgrade(driver);
    }

    /// Writes what memory holds, up to this moment, to a compressed file in the folder for dumps and
    /// returns its path. It takes the driver's lock for a moment and then waits for the disk.
    pub fn dump(&self, why: &str) -> Result<PathBuf, String> {
        if self.shared.o.dumps.is_none() {
            return Err("dumping the recording: no folder for dumps is set".into());
        }
        let over = || "dumping the recording: it is closed".to_string();
        let driver = lock(&self.shared.driver).upgrade().ok_or_else(over)?;
        let at = driver.view(|router| {
            lock(&self.shared.front).cut(router, &self.shared);
            router.now()
        });
        let (reply, answer) = channel();
        let request = DumpRequest { why: why.into(), at, until: self.shared.ring.end(), reply: Some(reply) };
        self.words.send(Word::Dump(request)).map_err(|_| over())?;
        answer.recv().map_err(|_| over())?
    }

    /// Is what has been recorded, written and lost so far.
    pub fn stats(&self) -> Stats {
        self.shared.ring.stats()
    }

    /// Ends the last block and waits until everything recorded is written. A router that stops calls
    /// it last: steps after it are not recorded. Calling it twice is harmless.
    pub fn close(&self) {
        if let Some(driver) = lock(&self.shared.driver).upgrade() {
            driver.view(|router| {
                let mut front = lock(&self.shared.front);
                if !front.closed {
                    front.cut(router, &self.shared);
                    front.closed = true;
                }
            });
        }
        let _ = self.words.send(Word::Stop); // its error: the thread has ended
        if let Some(thread) = lock(&self.thread).take() {
            let _ = thread.join(); // a panic there has been told by its hook
        }
    }
}

fn lock<T>(m: &Mutex<T>) -> MutexGuard<'_, T> {
    m.lock().unwrap_or_else(PoisonError::into_inner)
}

impl driver::Recorder for Observer {
    fn start(&mut self, router: &mut Router, origin: SystemTime) {
        let ns = |t: SystemTime| t.duration_since(UNIX_EPOCH).map_or(0, |d| d.as_nanos() as i64);
        let mut snapshot = Vec::new();
        router.snapshot(&mut snapshot);
        let mut front = lock(&self.0.front);
        front.header.seed = snapshot_config(&snapshot).map_or(0, |(_, seed)| seed); // it has just been written
        front.header.origin = ns(origin);
        // A successor's origin is its predecessor's, its files are its own.
        front.began = ns(if router.config().is_some() { SystemTime::now() } else { origin });
        front.begin(Vec::new(), router, 1);
    }

    fn observe(
        &mut self,
        router: &mut Router,
        now: Time,
        event: &Event,
        request: Option<Request<'_>>,
        decisions: &[Decision],
    ) {
        let mut front = lock(&self.0.front);
        if front.closed {
            return;
        }
        if event.kind == EventKind::ADOPT
            && let Some(config) = &event.config
        {
            front.offered.push(config.clone());
        }
        let request = request.map(|r| TraceRequest { key: r.key, id: r.id });
        front.enc.append(now, event, request, decisions);
        for d in decisions.iter().filter(|d| d.kind == DecisionKind::NOTE_OPENED) {
            front.opened(router, now, d, &self.0);
        }
        if front.enc.full() {
            front.cut(router, &self.0);
        }
    }
}

impl Front {
    /// Ends the current block, if anything is in it, and begins the next.
    fn cut(&mut self, router: &mut Router, shared: &Shared) {
        let step = self.enc.step();
        if step == self.first || self.closed {
            return;
        }
        self.enc.mark(router.digest());
        let offered = std::mem::take(&mut self.offered);
        let spare = shared.ring.push(self.enc.end(), self.config.take(), offered, self.first, step - self.first);
        let _ = shared.words.send(Word::Ready); // its error: the thread has ended
        self.begin(spare, router, step);
    }

    fn begin(&mut self, buffer: Vec<u8>, router: &mut Router, step: u64) {
        self.enc.begin(buffer, router, step);
        self.first = step;
        self.config = router.config().cloned();
    }

    /// Asks for a dump because a breaker opened, within the limits.
    fn opened(&mut self, router: &mut Router, now: Time, d: &Decision, shared: &Shared) {
        if shared.o.dumps.is_none() {
            return;
        }
        let placement = router.placement(d.placement).name.to_string();
        if !self.limiter.allow(&placement, now) {
            shared.ring.count(|s| s.dumps_skipped += 1);
            return;
        }
        self.cut(router, shared);
        if shared.asked.swap(true, Ordering::AcqRel) {
            return; // one is waiting already and will hold this block too
        }
        let url = router.endpoint(d.endpoint).map_or("", |e| e.url);
        let why = format!("a breaker of {placement} opened: {url}");
        let request = DumpRequest { why, at: now, until: shared.ring.end(), reply: None };
        let _ = shared.words.send(Word::Dump(request)); // its error: the thread has ended
    }
}

/// The recorder's thread: the only one that touches a disk.
struct Worker {
    shared: Arc<Shared>,
    heard: Receiver<Word>,
    create: Option<Create>,
}

impl Worker {
    fn run(mut self) {
        let mut disk: Option<Segments> = None;
        let mut flush = Instant::now() + self.shared.o.flush;
        loop {
            let word = self.wait(flush);
            if let Some(disk) = self.disk(&mut disk) {
                disk.catch_up();
                if matches!(word, Some(Word::Stop)) {
                    disk.close();
                }
            }
            self.shared.ring.refill();
            match word {
                Some(Word::Ready) => {}
                Some(Word::Dump(q)) => self.dump(q),
                Some(Word::Stop) => {
                    while let Ok(word) = self.heard.try_recv() {
                        if let Word::Dump(q) = word {
                            self.dump(q); // one may have been asked for just before
                        }
                    }
                    return;
                }
                None => {
                    self.flush();
                    flush = Instant::now() + self.shared.o.flush;
                }
            }
        }
    }

    /// Waits for a word; None when it is time to flush.
    fn wait(&self, flush: Instant) -> Option<Word> {
        if self.shared.o.folder.is_none() {
            return Some(self.heard.recv().unwrap_or(Word::Stop));
        }
        match self.heard.recv_timeout(flush.saturating_duration_since(Instant::now())) {
            Ok(word) => Some(word),
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => Some(Word::Stop),
        }
    }

    /// Is the segments, made once the driver has said when time began.
    fn disk<'a>(&mut self, disk: &'a mut Option<Segments>) -> Option<&'a mut Segments> {
        let (header, began) = {
            let front = lock(&self.shared.front);
            (front.header.clone(), front.began)
        };
        if disk.is_none() && began != 0 {
            let o = &self.shared.o;
            let create = self.create.take()?;
            *disk = Some(Segments::new(o.folder.clone(), o.segment, (header, began), create, self.shared.ring.clone()));
        }
        disk.as_mut()
    }

    /// Ends the current block if anything is in it.
    fn flush(&self) {
        if let Some(driver) = lock(&self.shared.driver).upgrade() {
            driver.view(|router| lock(&self.shared.front).cut(router, &self.shared));
        }
    }
}
