//! `router-pingora serve`: a whole router, joined from its parts, as cmd/lockstep/serve.go and
//! router.go.

mod follow;
mod listen;
mod notes;
mod tls;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use chrono::{DateTime, Utc};
use lockstep_config::File;
use lockstep_config::settings::AccessLog as AccessLogSettings;
use lockstep_core::{Config, DecisionKind};
use pingora::apps::http_app::HttpServer;
use pingora::server::configuration::{Opt, ServerConf};
use pingora::server::{RunArgs, Server};
use pingora::services::Service as _;
use pingora::services::listening::Service;
use tokio::runtime::Runtime;
use tokio::sync::watch;

use crate::admin::{InForce, Pages};
use crate::cli::Serve;
use crate::connections::{Counted, Seen};
use crate::driver::{self, Driver};
use crate::lifecycle::state::{self, State};
use crate::lifecycle::{End, Life, Notifier, Signals};
use crate::metrics::{self, Counts, Metrics, Observer};
use crate::probe::{self, Prober};
use crate::proxy::{self, AccessLog, ConfigInfo, LogOptions, Proxy};
use crate::record::{self, Recorder};
use crate::{control, say, source};
use follow::Following;
use listen::{Listen, Opened};

/// A whole router but for its listeners.
struct Router {
    driver: Arc<Driver>,
    recorder: Arc<Recorder>,
    counts: Arc<Counts>,
    life: Arc<Life>,
    in_force: Arc<Provenance>,
    notify: Arc<Notifier>,
    proxy: Arc<OnceLock<Arc<Proxy>>>, // once it is made
    admin_end: watch::Sender<bool>,   // true closes the admin listener
    runtime: Runtime,                 // of all that is not serving
}

/// What stands between clients and endpoints, and what is seen of it.
struct Edge {
    proxy: Arc<Proxy>,
    metrics: Option<Arc<Metrics>>, // None without an admin listener
    seen: Vec<Arc<Seen>>,          // by listener
}

/// Where the configuration in force comes from.
struct Provenance {
    driver: Arc<Driver>,
    control: bool,                    // a control plane pushes
    bootstrap: ArcSwapOption<Config>, // what it started with under a control plane
    adopted: AtomicI64,               // time of the last adoption
}

impl InForce for Provenance {
    fn source(&self) -> &'static str {
        let started_with = self.bootstrap.load();
        let same = match (&*started_with, &self.driver.in_force().config) {
            (Some(a), Some(b)) => Arc::ptr_eq(a, b),
            (None, None) => true,
            _ => false,
        };
        if self.control && !same { "control_plane" } else { "file" }
    }

    fn last_reload_at(&self) -> DateTime<Utc> {
        let origin = DateTime::<Utc>::from(self.driver.origin());
        origin + chrono::Duration::nanoseconds(self.adopted.load(Ordering::Acquire))
    }
}

/// Serves until the process is told to end. An error means that it has never served.
pub fn run(mut o: Serve) -> Result<(), String> {
    o.settle(|name| std::env::var(name).ok())?;
    crate::tls::begin();
    listen::exit_if_listeners_fail();
    let loaded = if o.config.is_empty() { None } else { Some(source::load(&o.config)?) };
    let (file, config) = loaded.map_or((File::default(), None), |(file, config)| (file, Some(config)));
    let settings = Settings::over(&o, &file)?;
    // Taken before anything is written anywhere: a port that is taken ends the process here.
    let listen = Listen::of(&o, &file, &settings.admin)?;
    settings.control.check()?; // from here on a successor may not fail: its predecessor is about to go
    let server = begin_server(&o);
    let state = if o.upgrade { state::ask(&o.upgrade_sock) } else { None };
    let router = Router::new(&settings, state)?;
    let seen: Vec<_> = listen.clients.iter().map(|l| Seen::new(&l.settings)).collect();
    let metrics = router.metrics(&settings, &seen)?;
    let proxy = router.proxy(&settings, metrics.clone());
    router.begin();
    let following = router.follow(&settings, file, config)?;
    router.serve(server, &o, listen, Edge { proxy, metrics, seen }, following)
}

/// What the flags and the file say together.
struct Settings {
    name: String,
    record: Option<PathBuf>,
    dumps: PathBuf,
    admin: String,
    control: Control,
    access_log: Option<LogOptions>, // None for no log
    sticky_key: Vec<u8>,            // empty for none
}

/// Where the control plane is, and what is kept of its pushes.
struct Control {
    url: String,   // "" for none
    state: String, // folder of the last-known-good copy; "" keeps none
    token: String, // file
    insecure: bool,
    bootstrap: String, // file for an empty disk; "" means the one given with -c
    soak: Duration,
}

impl Control {
    /// Finds early what would fail late: the URL, the token and the bootstrap file.
    fn check(&self) -> Result<(), String> {
        if self.url.is_empty() {
            return Ok(());
        }
        control::check_url(&self.url, &self.token()?, self.insecure)?;
        self.bootstrap_config().map(|_| ())
    }

    fn token(&self) -> Result<String, String> {
        if self.token.is_empty() { Ok(String::new()) } else { control::read_token(Path::new(&self.token)) }
    }

    /// What an empty disk starts with, if it is not the file given with -c.
    fn bootstrap_config(&self) -> Result<Option<Arc<Config>>, String> {
        if self.bootstrap.is_empty() {
            return Ok(None);
        }
        let (_, config) = source::load(&self.bootstrap).map_err(|e| format!("the bootstrap file: {e}"))?;
        Ok(Some(config))
    }
}

impl Settings {
    fn over(o: &Serve, file: &File) -> Result<Settings, String> {
        let or = |given: &str, written: &str| if given.is_empty() { written.to_string() } else { given.to_string() };
        let folder = or(&o.record, &file.recording_dir);
        let name = Path::new(&o.config).file_name().map_or(".".into(), |n| n.to_string_lossy().into_owned());
        // What a baseline's file does not say is the default, and so is what no file says.
        let native = !o.config.is_empty() && file.form == lockstep_config::Form::Native;
        let soak = if native { file.control_plane.soak } else { lockstep_config::DEFAULT_SOAK };
        Ok(Settings {
            name,
            record: (!folder.is_empty()).then(|| PathBuf::from(folder)),
            dumps: o.dumps.clone(),
            admin: or(&o.admin, &file.observe.admin.address),
            access_log: (!o.no_log && !file.observe.access_log.off).then(|| log_options(&file.observe.access_log)),
            sticky_key: sticky_key(&o.sticky_key)?,
            control: Control {
                url: or(&o.control, &file.control_plane.url),
                state: or(&o.state, &file.control_plane.dir),
                token: o.control_token.clone(),
                insecure: o.insecure,
                bootstrap: file.control_plane.bootstrap.clone(),
                soak: Duration::from_nanos(u64::try_from(soak).unwrap_or(0)),
            },
        })
    }
}

fn log_options(a: &AccessLogSettings) -> LogOptions {
    LogOptions {
        detail: a.detail,
        keep: a.sampled.then_some(a.sample),
        errors: a.errors,
        failovers: a.failovers,
        retries: a.retries,
        slow: u64::try_from(a.slow).ok().filter(|&slow| slow > 0).map(Duration::from_nanos),
    }
}

/// Keeps a key from being guessed along with what it hides.
const SHORTEST_STICKY_KEY: usize = 16;

/// Reads the key of sticky cookies from a file, empty without one. Space at its end does not count,
/// since editors put it there.
fn sticky_key(path: &str) -> Result<Vec<u8>, String> {
    if path.is_empty() {
        return Ok(Vec::new());
    }
    let key = std::fs::read(path).map_err(|e| format!("reading the key of sticky cookies: open {path}: {e}"))?;
    let key = key.trim_ascii().to_vec();
    if key.len() < SHORTEST_STICKY_KEY {
        return Err(format!(
            "the key of sticky cookies in {path} has {} bytes; write at least {SHORTEST_STICKY_KEY}, such as: head -c 32 /dev/urandom | base64 > {path}",
            key.len()
        ));
    }
    Ok(key)
}

/// Pingora's server, with the predecessor's sockets if there is one: with --upgrade it waits for them.
fn begin_server(o: &Serve) -> Server {
    let conf = ServerConf {
        threads: o.threads.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from)),
        upgrade_sock: o.upgrade_sock.to_string_lossy().into_owned(),
        // The end of the drain is ours (lifecycle); Pingora's comes after it, should ours hang.
        grace_period_seconds: Some(o.drain.as_secs() * 3 / 2 + 4),
        graceful_shutdown_timeout_seconds: Some(1),
        ..ServerConf::default()
    };
    let opt = Opt { upgrade: o.upgrade, ..Opt::default() };
    let mut server = Server::new_with_opt_and_conf(Some(opt), conf);
    server.bootstrap();
    server
}

impl Router {
    /// A router without configuration, but for a predecessor's.
    fn new(s: &Settings, state: Option<State>) -> Result<Router, String> {
        let mut seed = [0; 8];
        ring::rand::SecureRandom::fill(&ring::rand::SystemRandom::new(), &mut seed)
            .map_err(|_| "the system has no random numbers".to_string())?;
        let seed = u64::from_le_bytes(seed);
        let (recorder, mut observer) = Recorder::new(record::Options {
            name: s.name.clone(),
            folder: s.record.clone(),
            dumps: Some(s.dumps.clone()),
            ..record::Options::default()
        })?;
        let counts = Arc::new(Counts::default());
        if !s.admin.is_empty() {
            observer = Box::new(Observer::new(counts.clone(), Some(observer))); // else nobody reads them
        }
        let driver = Driver::new(driver::Options {
            seed,
            recorder: Some(observer),
            router: state,
            ..driver::Options::default()
        });
        recorder.attach(&driver);
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .thread_name("around")
            .enable_all()
            .build()
            .map_err(|e| format!("starting threads: {e}"))?;
        let in_force = Provenance {
            driver: driver.clone(),
            control: !s.control.url.is_empty(),
            bootstrap: ArcSwapOption::empty(),
            adopted: AtomicI64::new(0),
        };
        Ok(Router {
            life: Arc::new(Life::new(driver.clone())),
            in_force: Arc::new(in_force),
            notify: Arc::new(Notifier::new(std::env::var("NOTIFY_SOCKET").ok())),
            recorder: Arc::new(recorder),
            proxy: Arc::default(),
            admin_end: watch::Sender::new(false),
            driver,
            counts,
            runtime,
        })
    }

    /// Hands decisions that nobody waits for to those who carry them out, and begins to fire what is due.
    fn begin(&self) {
        let (driver, prober) = (self.driver.clone(), Prober::new(probe::ask(), self.runtime.handle().clone()));
        self.driver.handle(move |d| prober.sink(&driver, d));
        let in_force = self.in_force.clone();
        self.driver.handle(move |d| {
            if d.kind == DecisionKind::NOTE_ADOPTED {
                in_force.adopted.store(d.at, Ordering::Release);
            }
            notes::note(d, in_force.driver.config().as_deref());
        });
        self.runtime.spawn(self.driver.clone().run());
    }

    /// What stands between clients and endpoints.
    fn proxy(&self, s: &Settings, metrics: Option<Arc<Metrics>>) -> Arc<Proxy> {
        let (in_force, life) = (self.in_force.clone(), self.life.clone());
        let info = move || ConfigInfo {
            version: in_force.driver.config().map_or(String::new(), |c| c.version().to_string()),
            source: in_force.source(),
            last_reload_at: in_force.last_reload_at().into(),
        };
        let log = s.access_log.map(|options| AccessLog::new(Box::new(std::io::stdout()), options));
        let options = proxy::Options {
            log,
            config: Some(Box::new(info)),
            observer: metrics.map(|m| m as Arc<dyn proxy::Observer>),
            sticky_key: s.sticky_key.clone(),
            leaving: Some(Box::new(move || life.leaving())),
        };
        let proxy = Proxy::new(self.driver.clone(), options);
        let (sink, runtime) = (proxy.clone(), self.runtime.handle().clone());
        self.driver.handle(move |d| {
            let _inside = runtime.enter();
            sink.deliver(d);
        });
        self.proxy.get_or_init(|| proxy).clone()
    }

    /// Serves until the process is told to end; then the process does.
    fn serve(
        self,
        mut server: Server,
        o: &Serve,
        mut listen: Listen,
        edge: Edge,
        following: Following,
    ) -> Result<(), String> {
        for (l, seen) in listen.clients.iter_mut().zip(&edge.seen) {
            let app = Counted::new(edge.proxy.edge(listen::edge_of(&l.settings)), seen.clone());
            let mut service = Service::new(l.settings.name.clone(), app);
            listen::add(&mut service, l);
            server.add_service(service);
        }
        // Not in Pingora's server, whose listeners close when a drain begins: it can be watched here.
        let admin = listen.admin.as_ref().zip(edge.metrics).map(|(at, metrics)| self.admin_service(at, metrics));
        let (ended, runtime) = (self.admin_end.subscribe(), self.runtime.handle().clone());
        let begin_admin = move || {
            if let Some(mut service) = admin {
                runtime.spawn(async move { service.start_service(None, ended, 1).await });
            }
        };
        let end = Arc::new(self.end(o, edge.seen, edge.proxy, following));
        let phases = server.watch_execution_phase();
        let (life, notify) = (self.life.clone(), self.notify.clone());
        std::thread::spawn(move || listen.announce(&life, &notify, begin_admin));
        server.run(RunArgs { shutdown_signal: Box::new(Signals::new(end.clone(), phases)) });
        (end.finish)(); // Pingora was quicker than the drain's own end
        Ok(())
    }

    fn end(&self, o: &Serve, listeners: Vec<Arc<Seen>>, proxy: Arc<Proxy>, following: Following) -> End {
        let (driver, recorder, following) = (self.driver.clone(), self.recorder.clone(), Arc::new(following));
        let (last, admin_end) = (following.clone(), self.admin_end.clone());
        End {
            life: self.life.clone(),
            driver: self.driver.clone(),
            listeners,
            lame_duck: o.lame_duck,
            drain: o.drain,
            upgrade_sock: o.upgrade_sock.clone(),
            notify: self.notify.clone(),
            unfollow: Box::new(move || {
                following.end();
                let _ = admin_end.send(true); // its error: there is no admin listener
            }),
            finish: Box::new(move || {
                last.end();
                driver.close();
                recorder.close();
                proxy.flush_log();
                let s = recorder.stats();
                if s.lost_blocks > 0 || s.disk_errors > 0 {
                    say!(
                        Error,
                        "the recording has gaps",
                        "steps" = s.lost_steps,
                        "disk_errors" = s.disk_errors,
                        "last" = s.last_error
                    );
                }
            }),
        }
    }

    fn admin_service(&self, at: &Opened, metrics: Arc<Metrics>) -> Service<HttpServer<Pages>> {
        let public = at.public;
        if public {
            say!(
                Warn,
                "the admin listener can be reached from other machines: it shows addresses of upstreams",
                "address" = at.address
            );
        }
        let pages = Pages {
            metrics,
            life: self.life.clone(),
            driver: self.driver.clone(),
            in_force: self.in_force.clone(),
            any_host: public,
        };
        let mut service = Service::new("admin".into(), HttpServer::new_app(pages));
        service.threads = Some(1);
        service.add_tcp(&at.address.to_string());
        service
    }

    /// What shows the router to those who watch it; None without an admin listener.
    fn metrics(&self, s: &Settings, seen: &[Arc<Seen>]) -> Result<Option<Arc<Metrics>>, String> {
        if s.admin.is_empty() {
            return Ok(None);
        }
        let (recorder, life, proxy) = (self.recorder.clone(), self.life.clone(), self.proxy.clone());
        let metrics = Metrics::new(metrics::Options {
            driver: self.driver.clone(),
            decisions: self.counts.clone(),
            recorder: Box::new(move || recorder.stats()),
            log_lost: Box::new(move || proxy.get().map_or(0, |p| p.log_lost())),
            ready: Box::new(move || life.not_ready().is_none()),
            listeners: seen.to_vec(),
        })?;
        Ok(Some(Arc::new(metrics)))
    }
}
