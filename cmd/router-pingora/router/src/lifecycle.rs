//! How the process of a router is told to go, and how it goes: the signals, the drain (R14) and
//! Pingora's hot upgrade. What differs from adapters/lifecycle of the Go side stands where it does.

mod notify;
pub mod state;
mod upgrade;

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use pingora::server::{ExecutionPhase, ShutdownSignal, ShutdownSignalWatch};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::broadcast;

use crate::connections::Seen;
use crate::driver::Driver;
use crate::say;
pub use notify::{Notifier, watchdog};

/// Stages of a router's life.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum Stage {
    /// It does not listen yet.
    Starting,
    /// It serves.
    Serving,
    /// About to drain: serving, and not ready.
    LameDuck,
    /// A successor has the listening sockets; what is left here ends.
    Replaced,
    /// New requests are refused.
    Draining,
}

/// The stage of a router, for whoever asks.
pub struct Life {
    stage: AtomicU8,
    driver: Arc<Driver>,
}

impl Life {
    /// Begins at Starting.
    pub fn new(driver: Arc<Driver>) -> Life {
        Life { stage: AtomicU8::new(Stage::Starting as u8), driver }
    }

    /// The stage now.
    pub fn stage(&self) -> Stage {
        match self.stage.load(Ordering::Acquire) {
            0 => Stage::Starting,
            1 => Stage::Serving,
            2 => Stage::LameDuck,
            3 => Stage::Replaced,
            _ => Stage::Draining,
        }
    }

    /// Moves on from Starting, unless a signal was quicker.
    pub fn begin(&self, stage: Stage) {
        let starting = Stage::Starting as u8;
        let _ = self.stage.compare_exchange(starting, stage as u8, Ordering::AcqRel, Ordering::Acquire);
    }

    /// Moves on.
    pub fn enter(&self, stage: Stage) {
        self.stage.store(stage as u8, Ordering::Release);
    }

    /// Whether answers tell clients to open their next connection elsewhere.
    pub fn leaving(&self) -> bool {
        self.stage() >= Stage::LameDuck
    }

    /// Why the router should get no requests; None when it should. The control plane has no part in
    /// it (R13).
    pub fn not_ready(&self) -> Option<&'static str> {
        match self.stage() {
            Stage::Starting => Some("starting"),
            Stage::LameDuck => Some("about to drain"),
            Stage::Replaced => Some("a successor serves"),
            Stage::Draining => Some("draining"),
            Stage::Serving if self.driver.in_force().config.is_none() => Some("there is no configuration yet"),
            Stage::Serving => None,
        }
    }
}

impl PartialOrd for Stage {
    fn partial_cmp(&self, other: &Stage) -> Option<std::cmp::Ordering> {
        (*self as u8).partial_cmp(&(*other as u8))
    }
}

/// What ends a router, and what is done at its end.
pub struct End {
    /// Whose stage moves.
    pub life: Arc<Life>,
    /// What drains.
    pub driver: Arc<Driver>,
    /// Whose connections are waited for.
    pub listeners: Vec<Arc<Seen>>,
    /// After the word to end: not ready, and serving all the same.
    pub lame_duck: Duration,
    /// What is under way gets so long.
    pub drain: Duration,
    /// Where a successor waits for the listening sockets.
    pub upgrade_sock: std::path::PathBuf,
    /// Tells the service manager.
    pub notify: Arc<Notifier>,
    /// Ends following the configuration; a successor does from now on.
    pub unfollow: Box<dyn Fn() + Send + Sync>,
    /// Writes everything that is still in memory.
    pub finish: Box<dyn Fn() + Send + Sync>,
}

/// What Pingora asks when to end: SIGTERM and SIGINT drain, SIGQUIT hands over.
pub struct Signals {
    end: Arc<End>,
    phases: tokio::sync::Mutex<broadcast::Receiver<ExecutionPhase>>,
}

impl Signals {
    /// `phases` are those of the server that will ask.
    pub fn new(end: Arc<End>, phases: broadcast::Receiver<ExecutionPhase>) -> Signals {
        Signals { end, phases: tokio::sync::Mutex::new(phases) }
    }
}

#[async_trait]
impl ShutdownSignalWatch for Signals {
    /// Pingora calls it once, when its services have been started, and from its answer on waits a fixed
    /// time and no less; so a thread of ours ends the process as soon as the last connection has.
    async fn recv(&self) -> ShutdownSignal {
        let mut asked = match Asked::listen() {
            Ok(asked) => asked,
            Err(e) => {
                say!(Error, "signals cannot be heard; only SIGKILL ends this process", "error" = e);
                return std::future::pending().await;
            }
        };
        loop {
            match asked.next().await {
                Word::End => {
                    self.end.notify.stopping();
                    self.end.clone().limp(&mut asked).await;
                    self.end.clone().drain(asked);
                    return ShutdownSignal::GracefulTerminate;
                }
                Word::HandOver if upgrade::somebody_comes(&self.end.upgrade_sock).await => {
                    say!(Info, "handing over the listening sockets", "socket" = self.end.upgrade_sock.display());
                    if let Err(e) = state::offer(self.end.driver.clone(), &self.end.upgrade_sock) {
                        say!(Warn, "breakers and health are not handed over", "error" = e);
                    }
                    self.end.clone().hand_over(asked, self.phases.lock().await.resubscribe());
                    return ShutdownSignal::GracefulUpgrade;
                }
                // Pingora would close its sockets all the same (0.9.1), and nobody would serve.
                Word::HandOver => say!(
                    Error,
                    "no upgrade: no successor waits for the listening sockets; this process goes on serving. Start one with --upgrade first",
                    "socket" = self.end.upgrade_sock.display()
                ),
            }
        }
    }
}

/// The signals that end a router.
struct Asked {
    term: Signal,
    int: Signal,
    quit: Signal,
}

enum Word {
    End,
    HandOver,
}

impl Asked {
    fn listen() -> std::io::Result<Asked> {
        Ok(Asked {
            term: signal(SignalKind::terminate())?,
            int: signal(SignalKind::interrupt())?,
            quit: signal(SignalKind::quit())?,
        })
    }

    /// Waits for the word to end alone: a second word to hand over says nothing new.
    async fn end(&mut self) {
        while !matches!(self.next().await, Word::End) {}
    }

    async fn next(&mut self) -> Word {
        tokio::select! {
            _ = self.term.recv() => Word::End,
            _ = self.int.recv() => Word::End,
            _ = self.quit.recv() => Word::HandOver,
        }
    }
}

/// How long a connection may be taken in and not counted.
const UNCOUNTED: Duration = Duration::from_millis(250);

/// The exit code of a process that was told twice to end.
const CUT: i32 = 1;

impl End {
    /// Serves on, not ready any more, so that balancers look elsewhere before the first request is
    /// refused. A second signal ends it at once.
    async fn limp(self: Arc<Self>, asked: &mut Asked) {
        if self.lame_duck.is_zero() {
            return;
        }
        say!(Info, "about to drain: not ready from now on, and serving", "for" = format!("{:?}", self.lame_duck));
        self.life.enter(Stage::LameDuck);
        tokio::select! {
            () = tokio::time::sleep(self.lame_duck) => {}
            () = asked.end() => std::process::exit(CUT),
        }
    }

    /// Refuses new requests and gives those under way their time; then the process ends.
    fn drain(self: Arc<Self>, mut asked: Asked) {
        self.begin_drain();
        tokio::spawn(async move {
            asked.end().await; // the second
            std::process::exit(CUT);
        });
        std::thread::spawn(move || self.wait_and_exit(Instant::now()));
    }

    fn begin_drain(&self) {
        self.life.enter(Stage::Draining);
        say!(Info, "draining", "for" = format!("{:?}", self.drain), "connections" = self.connected());
        let drain = i64::try_from(self.drain.as_nanos()).unwrap_or(i64::MAX);
        self.driver.drain(self.driver.now().saturating_add(drain));
    }

    /// Drains once Pingora has handed the sockets over and has given the successor its 5 s. Clients
    /// that are connected are told, with the next answer, to connect again.
    fn hand_over(self: Arc<Self>, mut asked: Asked, mut phases: broadcast::Receiver<ExecutionPhase>) {
        self.life.enter(Stage::Replaced);
        (self.unfollow)();
        tokio::spawn(async move {
            loop {
                tokio::select! {
                    phase = phases.recv() => match phase {
                        Ok(ExecutionPhase::ShutdownStarted) | Err(broadcast::error::RecvError::Closed) => break,
                        _ => {}
                    },
                    () = asked.end() => std::process::exit(CUT),
                }
            }
            tokio::select! {
                () = self.gone(self.drain / 2) => {}
                () = asked.end() => std::process::exit(CUT),
            }
            self.drain(asked);
        });
    }

    /// Waits so long for those who are connected to leave, as they are told: a drain at once would refuse
    /// a request that is on its way. That nobody is connected must hold for a moment: Pingora tells of the
    /// end before its listeners know, and a connection that was just taken in is not counted yet.
    async fn gone(&self, patience: Duration) {
        let begun = Instant::now();
        let mut last = begun;
        while last.elapsed() < UNCOUNTED && begun.elapsed() < patience {
            if self.connected() > 0 {
                last = Instant::now();
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Waits until nobody is connected any more, or the drain's deadline and a second for what it
    /// aborts, and ends the process.
    fn wait_and_exit(&self, begun: Instant) {
        let until = begun + self.drain + Duration::from_secs(1);
        while self.connected() > 0 && Instant::now() < until {
            std::thread::sleep(Duration::from_millis(10));
        }
        if self.connected() > 0 {
            say!(Warn, "connections were cut at the end of the drain", "connections" = self.connected());
        }
        (self.finish)();
        std::process::exit(0);
    }

    fn connected(&self) -> u64 {
        self.listeners.iter().map(|l| l.open()).sum()
    }
}
