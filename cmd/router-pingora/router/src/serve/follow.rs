//! Follows the control plane if there is one, else the file, and obeys the signals that have to do
//! with it, as cmd/lockstep/source.go.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use lockstep_config::File;
use lockstep_core::{Config, DecisionKind, Epoch, Fault, Origin};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::task::AbortHandle;

use super::{Control, Router, Settings};
use crate::control::{Client, Options};
use crate::driver::Driver;
use crate::filewatch::{self, Watch};
use crate::lifecycle::{Notifier, watchdog};
use crate::lkg::Store;
use crate::{say, source};

/// What follows the configuration, until it is ended.
pub struct Following(Mutex<Option<Source>>);

enum Source {
    File(Arc<Watch>),
    Control(Arc<Client>, AbortHandle),
}

impl Following {
    /// Ends it: nothing is adopted any more. Calling it twice is harmless.
    pub fn end(&self) {
        if let Some(Source::Control(client, task)) = self.0.lock().unwrap_or_else(PoisonError::into_inner).take() {
            task.abort();
            client.leave();
        }
    }
}

impl Router {
    /// Puts in force what there is, and from then on whatever follows.
    pub(super) fn follow(&self, s: &Settings, file: File, config: Option<Arc<Config>>) -> Result<Following, String> {
        let (hup, usr1, usr2) = {
            let _inside = self.runtime.enter();
            let heard = |kind| signal(kind).map_err(|e| format!("listening to signals: {e}"));
            (heard(SignalKind::hangup())?, heard(SignalKind::user_defined1())?, heard(SignalKind::user_defined2())?)
        };
        let reloading = Arc::new(AtomicBool::new(false));
        let source = match config {
            Some(config) if s.control.url.is_empty() => {
                Source::File(Arc::new(self.follow_file(file, config, reloading.clone())?))
            }
            config => self.follow_control(&s.control, config)?,
        };
        let watch = match &source {
            Source::File(watch) => Some(watch.clone()),
            Source::Control(..) => None,
        };
        self.runtime.spawn(obey_hup(hup, watch, reloading, self.notify.clone()));
        self.obey_usr1(usr1);
        self.runtime.spawn(refuse_usr2(usr2));
        self.keep_alive();
        Ok(Following(Mutex::new(Some(source))))
    }

    /// Puts a file's configuration in force and every later content of it that is valid; an invalid
    /// one is reported, and the old one stays (R13).
    fn follow_file(&self, file: File, config: Arc<Config>, reloading: Arc<AtomicBool>) -> Result<Watch, String> {
        self.driver.adopt(Some(config), Epoch::default(), Origin::FILE, Fault::NONE);
        let options = filewatch::Options { patterns: file.watch.clone(), every: filewatch::EVERY, poll_only: false };
        let (driver, notify) = (self.driver.clone(), self.notify.clone());
        let changed = move || {
            let watch = reload(&driver, &file);
            if reloading.swap(false, Ordering::AcqRel) {
                notify.ready();
            }
            watch
        };
        Watch::begin(options, changed).map_err(|e| format!("watching the configuration file: {e}"))
    }

    /// Puts in force what the disk or the bootstrap file has, and then whatever the control plane pushes.
    fn follow_control(&self, c: &Control, mut config: Option<Arc<Config>>) -> Result<Source, String> {
        let opened = |e| format!("opening the folder of the last-known-good copy: {e}");
        let store = if c.state.is_empty() { None } else { Some(Store::open(Path::new(&c.state)).map_err(opened)?) };
        let seed = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_nanos() as u64);
        let options =
            Options { url: c.url.clone(), token: c.token()?, insecure: c.insecure, seed, store, soak: c.soak };
        let client = Arc::new(Client::new(self.driver.clone(), options)?);
        if let Some(bootstrap) = c.bootstrap_config()? {
            config = Some(bootstrap);
        }
        if self.driver.in_force().config.is_some() {
            config = None; // a predecessor's, which is newer than the bootstrap file
        }
        self.in_force.bootstrap.store(client.boot(config));
        let follow = client.clone();
        let task = self.runtime.spawn(async move { follow.run().await });
        Ok(Source::Control(client, task.abort_handle()))
    }

    /// Dumps the recording at every SIGUSR1.
    fn obey_usr1(&self, mut asked: Signal) {
        let recorder = self.recorder.clone();
        self.runtime.spawn(async move {
            while asked.recv().await.is_some() {
                let recorder = recorder.clone();
                let dump = move || recorder.dump("SIGUSR1"); // it logs how it went
                let _ = tokio::task::spawn_blocking(dump).await;
            }
        });
    }

    /// Resets systemd's watchdog as long as the router's lock can be had.
    fn keep_alive(&self) {
        let Some(every) = watchdog(|name| std::env::var(name).ok()) else { return };
        let (driver, notify) = (self.driver.clone(), self.notify.clone());
        self.runtime.spawn(async move {
            loop {
                tokio::time::sleep(every.max(Duration::from_millis(1))).await;
                driver.view(|_| ());
                notify.alive();
            }
        });
    }
}

/// Upgrades the Go router; unheard it would end this one at once.
async fn refuse_usr2(mut asked: Signal) {
    while asked.recv().await.is_some() {
        say!(
            Error,
            "no upgrade: SIGUSR2 is lockstep's signal; this process goes on serving. Start the new program with --upgrade, then send SIGQUIT to this one"
        );
    }
}

/// Reads the file again at every SIGHUP.
async fn obey_hup(mut asked: Signal, watch: Option<Arc<Watch>>, reloading: Arc<AtomicBool>, notify: Arc<Notifier>) {
    while asked.recv().await.is_some() {
        match &watch {
            None => say!(Info, "SIGHUP: what is in force comes from the control plane; there is nothing to reload"),
            Some(watch) => {
                notify.reloading();
                reloading.store(true, Ordering::Release);
                watch.reload();
            }
        }
    }
}

/// Adopts what the file says by now, and returns what to watch from then on; None for what was
/// watched before.
fn reload(driver: &Driver, began_with: &File) -> Option<Vec<String>> {
    const REFUSED: &str = "the changed configuration is refused, the old one stays in force";
    let (file, config) = match source::load(&began_with.path) {
        Ok(loaded) => loaded,
        Err(why) => {
            driver.adopt(None, Epoch::default(), Origin::FILE, Fault::INVALID);
            say!(Error, format!("{REFUSED}\n{why}"));
            return None;
        }
    };
    let d = driver.adopt(Some(config), Epoch::default(), Origin::FILE, Fault::NONE);
    if d.kind != DecisionKind::ACK {
        say!(Error, REFUSED, "cause" = d.cause.as_str());
    }
    if file.listen != began_with.listen {
        say!(Warn, "listen has changed; that takes effect at the next start");
    }
    Some(file.watch)
}
