//! After a 101: bytes pass both ways as they are, and a half-closed side still hears the other.
//!
//! A WebSocket's frames are only followed, so that at the end of a drain both sides can be told 1001,
//! "going away", between two of them: RFC 6455 wants a close frame, and clients reconnect at once on it.
//! Other protocols are cut at the deadline.

mod frames;

use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt;
use lockstep_core::Class;
use pingora::protocols::Stream;
use pingora::protocols::http::ServerSession;
use pingora::protocols::http::client::HttpSession;
use tokio::io::{AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf};
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep_until, timeout_at};

use super::exchange::Upgraded;
use super::ticket::Ticket;
use frames::{Frames, close_frame};

/// How long the end of a drain waits for frames under way to end and for the close frames to arrive. It
/// must be shorter than what the server waits after the drain's deadline.
const GOODBYE: Duration = Duration::from_millis(500);
const GOING_AWAY: u16 = 1001;
const REASON: &[u8] = b"the router is shutting down";

/// Bytes that passed, to the client and to the endpoint.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Passed {
    pub(crate) sent: u64,
    pub(crate) received: u64,
}

/// Joins the client's connection to the endpoint's and returns when both directions are done. It ends
/// well unless it is cut.
pub(crate) async fn join(session: ServerSession, upgraded: Upgraded, ticket: &mut Ticket) -> (Class, Passed) {
    let Upgraded { connection, header, settle } = upgraded;
    let (ServerSession::H1(mut down), HttpSession::H1(mut up)) = (session, connection.session) else {
        return (Class::INTERNAL, Passed::default()); // HTTP/2 asks for no upgrade
    };
    let websocket =
        header.headers.get(http::header::UPGRADE).is_some_and(|v| v.as_bytes().eq_ignore_ascii_case(b"websocket"));
    let settles = Instant::now() + settle;
    if down.write_response_header(header).await.is_err() {
        return (Class::CLIENT_GONE, Passed::default());
    }
    // Either side may have sent more than its head already.
    let early_up = early(down.read_body_bytes()).await;
    let early_down = early(up.read_body_bytes()).await;
    let (down_read, down_write) = tokio::io::split(down.into_inner());
    let (up_read, up_write) = tokio::io::split(up.into_inner());
    let to_client = Mutex::new(Courier::new(down_write, websocket, false));
    let to_upstream = Mutex::new(Courier::new(up_write, websocket, true));
    let class = {
        let both = async {
            // An error in one direction tears both down.
            let _ = tokio::try_join!(pump(down_read, &to_upstream, early_up), pump(up_read, &to_client, early_down));
        };
        let mut both = std::pin::pin!(both);
        let mut settled = std::pin::pin!(sleep_until(settles));
        loop {
            tokio::select! {
                () = &mut both => break Class::NONE,
                class = ticket.cut.severed() => {
                    if websocket && class == Class::DRAINING {
                        farewell(&to_client, &to_upstream, &mut both).await;
                    }
                    break class;
                }
                () = &mut settled, if !ticket.is_booked() => ticket.reply(), // R7
            }
        }
    };
    let passed = Passed { sent: to_client.into_inner().passed, received: to_upstream.into_inner().passed };
    (class, passed)
}

/// What has come already, if anything.
async fn early(read: impl Future<Output = pingora::Result<Option<Bytes>>>) -> Bytes {
    // Unconstrained, or a spent budget would look like nothing there.
    tokio::task::unconstrained(read).now_or_never().and_then(Result::ok).flatten().unwrap_or_default()
}

/// Copies one direction to its end and passes that end on.
async fn pump(mut from: ReadHalf<Stream>, to: &Mutex<Courier>, early: Bytes) -> std::io::Result<()> {
    to.lock().await.write(&early).await?;
    let mut room = vec![0; 16 << 10];
    loop {
        let n = from.read(&mut room).await?;
        if n == 0 {
            return to.lock().await.to.shutdown().await;
        }
        to.lock().await.write(&room[..n]).await?;
    }
}

/// Writes one direction.
struct Courier {
    to: WriteHalf<Stream>,
    masked: bool, // it goes to the upstream, and whoever plays the client masks
    frames: Option<Frames>,
    leaving: bool, // say goodbye at the end of this frame
    gone: bool,    // goodbye has been said; what still comes is not passed on
    passed: u64,
}

impl Courier {
    fn new(to: WriteHalf<Stream>, websocket: bool, masked: bool) -> Courier {
        Courier { to, masked, frames: websocket.then(Frames::default), leaving: false, gone: false, passed: 0 }
    }

    async fn write(&mut self, piece: &[u8]) -> std::io::Result<()> {
        if self.gone || piece.is_empty() {
            return Ok(());
        }
        let n = match &mut self.frames {
            Some(f) => f.feed(piece, self.leaving),
            None => piece.len(),
        };
        self.to.write_all(&piece[..n]).await?;
        self.to.flush().await?;
        self.passed += n as u64;
        if self.leaving && self.frames.as_ref().is_some_and(Frames::between) {
            return self.goodbye().await;
        }
        Ok(())
    }

    /// Says goodbye between two frames: now, or when the one under way has ended.
    async fn leave(&mut self) {
        self.leaving = true;
        if self.frames.as_ref().is_some_and(Frames::between) {
            let _ = self.goodbye().await; // an error means that nobody is there
        }
    }

    /// Writes the close frame and ends the direction.
    async fn goodbye(&mut self) -> std::io::Result<()> {
        self.gone = true;
        if self.frames.as_ref().is_some_and(|f| f.closed) {
            return Ok(());
        }
        self.to.write_all(&close_frame(GOING_AWAY, REASON, self.masked)).await?;
        self.to.flush().await?;
        self.to.shutdown().await
    }
}

/// Tells both sides of a WebSocket that the drain is over and gives them a moment. A side that takes
/// nothing in, or whose frame does not end, gets no close frame of ours.
async fn farewell(a: &Mutex<Courier>, b: &Mutex<Courier>, both: &mut (impl Future<Output = ()> + Unpin)) {
    let until = Instant::now() + GOODBYE;
    let tell = async |c: &Mutex<Courier>| {
        let _ = timeout_at(until, async { c.lock().await.leave().await }).await; // late is late
    };
    let told = async {
        tokio::join!(tell(a), tell(b));
        sleep_until(until).await;
    };
    tokio::select! {
        () = both => {}
        () = told => {}
    }
}
