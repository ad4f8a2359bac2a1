//! A router's side of the baseline's control-plane protocol, as adapters/controlplane: JSON text over
//! a WebSocket on /connect. The control plane sends its whole configuration on connect and on every
//! change, and the router answers each with ack or nack.
//!
//! A push is validated before anything else happens, kept on disk, put in force and only then
//! acknowledged, in the order of R13. The connection is made again for ever. What the control plane
//! does or fails to do never touches a request.

mod auth;
mod backoff;
mod message;
mod soak;

use std::sync::Arc;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use http::{HeaderValue, StatusCode};
use lockstep_core::{Config, Decision, DecisionKind, Epoch, Fault, Origin};
use tokio::time::{Instant, timeout};
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error as WsError, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async_with_config};

pub use auth::{check_url, read_token};
use backoff::backoff;
use message::{Answer, NotPush, Push, ack, nack};
use soak::Soak;

use crate::driver::Driver;
use crate::lkg::{MAX_DEATHS, Store, StoreError};
use crate::{say, source};

/// A large configuration may take a router seconds to compile and write to disk, during which it
/// reads no pong: hence the long ones.
const DIAL_TIMEOUT: Duration = Duration::from_secs(10);
const WRITE_TIMEOUT: Duration = Duration::from_secs(60);
const PING_EVERY: Duration = Duration::from_secs(30);
const PONG_TIMEOUT: Duration = Duration::from_secs(60);

/// What a [`Client`] is made with.
pub struct Options {
    /// URL of the control plane: ws, wss, http or https; "/connect" is its default path.
    pub url: String,
    /// Sent as a bearer token; "" sends none.
    pub token: String,
    /// Permits a URL on another machine without a token.
    pub insecure: bool,
    /// Seed of the back-off's jitter. It should differ from router to router.
    pub seed: u64,
    /// Keeps a copy of what was adopted; None keeps none, and a restart begins with the bootstrap file.
    pub store: Option<Store>,
    /// How long a router must live with a configuration before it is kept as the generation to come
    /// back to; 0 counts nothing and keeps one generation.
    pub soak: Duration,
}

/// A router's side of the protocol.
pub struct Client {
    url: String,
    token: String,
    seed: u64,
    driver: Arc<Driver>,
    kept: Option<Kept>,
}

/// Copies on disk, and the soak of the one in force.
struct Kept {
    store: Arc<Store>,
    soak: Soak,
}

type Connection = WebSocketStream<MaybeTlsStream<tokio::net::TcpStream>>;

impl Client {
    /// Returns a client that offers what it receives to the driver. The error says what is wrong with
    /// the options.
    pub fn new(driver: Arc<Driver>, o: Options) -> Result<Client, String> {
        let url = check_url(&o.url, &o.token, o.insecure)?;
        let kept = o.store.map(|store| {
            let store = Arc::new(store);
            Kept { soak: Soak::new(store.clone(), o.soak), store }
        });
        Ok(Client { url, token: o.token, seed: o.seed, driver, kept })
    }

    /// Connects, and connects again whenever the connection is lost, until it is dropped. It never
    /// gives up and never touches a request.
    pub async fn run(&self) {
        let soak = async {
            match &self.kept {
                Some(kept) => kept.soak.run().await,
                None => std::future::pending().await,
            }
        };
        tokio::join!(soak, self.follow());
    }

    /// Ends the soak in good order: whatever ends this process now is not the configuration's fault.
    pub fn leave(&self) {
        if let Some(kept) = &self.kept {
            kept.soak.leave();
        }
    }

    async fn follow(&self) {
        let mut attempt = 0;
        for dial in 1.. {
            let (heard, error) = self.session().await;
            if heard {
                attempt = 0;
            }
            let wait = backoff(self.seed, dial, attempt);
            let retry_in = format!("{:?}", Duration::from_millis(wait.as_millis() as u64));
            say!(
                Warn,
                "control plane away; the configuration in force stays",
                "control_plane" = self.url,
                "error" = error,
                "retry_in" = retry_in
            );
            tokio::time::sleep(wait).await;
            attempt += 1;
        }
    }

    /// One connection; it returns whether a snapshot came through it, and how it ended.
    async fn session(&self) -> (bool, String) {
        let mut connection = match timeout(DIAL_TIMEOUT, self.dial()).await {
            Ok(Ok(connection)) => connection,
            Ok(Err(e)) => return (false, e),
            Err(_) => return (false, format!("no connection within {DIAL_TIMEOUT:?}")),
        };
        self.driver.control(true);
        say!(Info, "connected to the control plane", "control_plane" = self.url);
        let mut heard = false;
        let error = self.converse(&mut connection, &mut heard).await;
        self.driver.control(false);
        (heard, error)
    }

    async fn dial(&self) -> Result<Connection, String> {
        let mut request = self.url.as_str().into_client_request().map_err(|e| e.to_string())?;
        if !self.token.is_empty() {
            let value = HeaderValue::from_str(&format!("Bearer {}", self.token)).map_err(|e| e.to_string())?;
            request.headers_mut().insert(http::header::AUTHORIZATION, value);
        }
        let limits = WebSocketConfig::default()
            .max_message_size(Some(message::MAX_SNAPSHOT))
            .max_frame_size(Some(message::MAX_SNAPSHOT));
        match connect_async_with_config(request, Some(limits), true).await {
            Ok((connection, _)) => Ok(connection),
            Err(WsError::Http(response)) if response.status() == StatusCode::UNAUTHORIZED => {
                Err("the control plane refused the token; both sides must hold the same one".into())
            }
            Err(e) => Err(e.to_string()),
        }
    }

    /// Answers what comes until the connection ends, and pings: a peer that vanished without a word is
    /// noticed. It returns how the connection ended.
    async fn converse(&self, connection: &mut Connection, heard: &mut bool) -> String {
        let mut ping = tokio::time::interval_at(Instant::now() + PING_EVERY, PING_EVERY);
        let mut unanswered: Option<Instant> = None;
        loop {
            let message = tokio::select! {
                message = connection.next() => message,
                _ = ping.tick() => {
                    if unanswered.is_some_and(|since| since.elapsed() >= PONG_TIMEOUT) {
                        return "it does not answer pings".into();
                    }
                    unanswered.get_or_insert(Instant::now());
                    if let Err(e) = send(connection, Message::Ping(Default::default())).await {
                        return e;
                    }
                    continue;
                }
            };
            let message = match message {
                None => return "the connection has ended".into(),
                Some(Err(e)) => return e.to_string(),
                Some(Ok(Message::Text(text))) => self.receive(text.as_bytes()),
                Some(Ok(Message::Binary(bytes))) => self.receive(&bytes),
                Some(Ok(Message::Pong(_))) => {
                    unanswered = None;
                    continue;
                }
                Some(Ok(_)) => continue, // pings and closes are answered by the library
            };
            let Some(answer) = message else { continue };
            *heard = true;
            let text = serde_json::to_string(&answer).unwrap_or_default(); // strings alone: it cannot fail
            if let Err(e) = send(connection, Message::text(text)).await {
                return format!("answering: {e}");
            }
        }
    }

    /// Acts on one message; None when it wants no answer.
    fn receive(&self, message: &[u8]) -> Option<Answer> {
        let (version, result) = match message::decode(message) {
            Err(NotPush::OtherType(what)) => {
                say!(Warn, "ignored a message from the control plane", "control_plane" = self.url, "error" = what);
                return None;
            }
            Err(NotPush::Damaged(what)) => {
                self.refuse(Fault::INVALID);
                (String::new(), Err(what))
            }
            Ok(push) => {
                let result = self.adopt(&push);
                (push.version, result)
            }
        };
        match result {
            Ok(()) => Some(ack(&version)),
            Err(error) => {
                say!(
                    Error,
                    "refused a push; the configuration in force stays",
                    "control_plane" = self.url,
                    "version" = version,
                    "error" = error
                );
                Some(nack(&version, &error))
            }
        }
    }

    /// Validates a push, keeps it on disk and puts it in force, in the order of R13. Whatever is
    /// refused is offered to the router as a fault, so that the recording knows of it.
    fn adopt(&self, push: &Push) -> Result<(), String> {
        let config = source::parse("push", &push.body).and_then(|c| {
            if push.version == c.version() {
                return Ok(c);
            }
            Err(format!("the message says version {:?}, the configuration in it {:?}", push.version, c.version()))
        });
        let config = config.inspect_err(|_| self.refuse(Fault::INVALID))?;
        if let Some(kept) = &self.kept {
            kept.prepare(push).map_err(|(fault, error)| {
                self.refuse(fault);
                error
            })?;
        }
        let decision = self.offer(config, push.deliberate);
        if decision.kind != DecisionKind::ACK {
            if let Some(kept) = &self.kept {
                kept.abandon(push);
            }
            return Err(refusal(&decision));
        }
        let Some(kept) = &self.kept else { return Ok(()) };
        kept.soak.begin(&push.body);
        kept.store
            .commit()
            .map_err(|e| format!("not_persisted: in force, but a restart may begin with the one before: {e}"))
    }

    fn offer(&self, config: Arc<Config>, deliberate: bool) -> Decision {
        if deliberate {
            return self.driver.adopt_deliberate(config, Epoch::default());
        }
        self.driver.adopt(Some(config), Epoch::default(), Origin::CONTROL, Fault::NONE)
    }

    fn refuse(&self, fault: Fault) {
        self.driver.adopt(None, Epoch::default(), Origin::CONTROL, fault);
    }

    /// Puts in force what a router under a control plane starts with (R13): the copy on disk, or,
    /// when there is none or it cannot be used, the bootstrap configuration; without either the
    /// router refuses requests as not_ready until the first push. A copy with which MAX_DEATHS runs
    /// died within its soak gives way to the one before that has soaked, or without one to the
    /// bootstrap configuration. A router that goes on with a predecessor's configuration is not
    /// counted. It returns the configuration in force, None for none.
    pub fn boot(&self, bootstrap: Option<Arc<Config>>) -> Option<Arc<Config>> {
        let counted = self.kept.as_ref().is_some_and(|kept| kept.soak.on()) && self.driver.in_force().config.is_none();
        let copy = self.kept.as_ref().and_then(|kept| kept.choose(counted, bootstrap.is_some()));
        let Some((config, body)) = copy else {
            let config = bootstrap?;
            self.driver.adopt(Some(config.clone()), Epoch::default(), Origin::BOOTSTRAP, Fault::NONE);
            return Some(config);
        };
        if let Some(kept) = self.kept.as_ref().filter(|_| counted)
            && let Err(e) = kept.store.begin(&body)
        {
            say!(Warn, "the run is not counted", "error" = e);
        }
        self.driver.adopt(Some(config.clone()), Epoch::default(), Origin::DISK, Fault::NONE);
        if let Some(kept) = self.kept.as_ref().filter(|_| counted) {
            kept.soak.begin(&body);
        }
        Some(config)
    }
}

async fn send(connection: &mut Connection, message: Message) -> Result<(), String> {
    match timeout(WRITE_TIMEOUT, connection.send(message)).await {
        Ok(sent) => sent.map_err(|e| e.to_string()),
        Err(_) => Err(format!("it took nothing for {WRITE_TIMEOUT:?}")),
    }
}

/// Says in words why the router refused a push.
fn refusal(d: &Decision) -> String {
    let how = d.guard_text();
    if how.is_empty() {
        return d.cause.to_string();
    }
    format!(
        "{}: {how}, more than control_plane.refuse_push_over lets a push change; if that is meant, mark this version deliberate",
        d.cause
    )
}

impl Kept {
    /// Prepares a push for being put in force; the fault is for the recording.
    fn prepare(&self, push: &Push) -> Result<(), (Fault, String)> {
        let not_persisted = |e: StoreError| (Fault::NOT_PERSISTED, format!("not_persisted: {e}"));
        if self.soak.on() && push.deliberate {
            self.store.forgive(&push.body).map_err(not_persisted)?;
        }
        if self.soak.on() && self.store.condemned(&push.body) {
            return Err((
                Fault::INVALID,
                format!(
                    "condemned: {MAX_DEATHS} runs in a row died with this configuration within its soak; push another one, or mark this version deliberate to try it again"
                ),
            ));
        }
        self.store.prepare(&push.body).map_err(not_persisted)?;
        if self.soak.on() {
            self.store.begin(&push.body).map_err(not_persisted)?;
        }
        Ok(())
    }

    /// Takes back what `prepare` counted: the router refused the push.
    fn abandon(&self, push: &Push) {
        if self.soak.on()
            && let Err(e) = self.store.abandon(&push.body)
        {
            say!(Warn, "a refused configuration stays counted", "error" = e);
        }
    }

    /// Chooses the copy to start with, by the runs that died if those are counted; None for none that
    /// can be used.
    fn choose(&self, counted: bool, bootstrap: bool) -> Option<(Arc<Config>, Vec<u8>)> {
        let unusable = |why: String| {
            say!(Warn, "the last-known-good copy cannot be used; starting with the bootstrap file", "error" = why);
            None
        };
        let compiled = |body: Vec<u8>| match source::parse("last-known-good copy", &body) {
            Ok(config) => Some((config, body)),
            Err(why) => unusable(why),
        };
        if !counted {
            return match self.store.current() {
                Ok(body) => compiled(body),
                Err(StoreError::Empty) => None,
                Err(StoreError::Failed(why)) => unusable(why),
            };
        }
        let choice = match self.store.start() {
            Ok(choice) => choice,
            Err(StoreError::Empty) => return None,
            Err(StoreError::Failed(why)) => return unusable(why),
        };
        let found = compiled(choice.body)?;
        let version = found.0.version().to_string();
        if let Some(why) = choice.damaged {
            say!(
                Error,
                "the newest copy cannot be used; starting with the one before, which has soaked",
                "version" = version,
                "error" = why
            );
        } else if choice.soaked {
            say!(
                Error,
                "runs died with the newest copy within its soak; starting with the one before, which has soaked",
                "version" = version,
                "deaths" = choice.deaths
            );
        } else if choice.deaths >= MAX_DEATHS && bootstrap {
            say!(
                Error,
                "runs died with the newest copy within its soak, and none has soaked; starting with the bootstrap file",
                "version" = version,
                "deaths" = choice.deaths
            );
            return None;
        }
        Some(found)
    }
}
