//! An endpoint's connections between two requests that follow closely. Pingora's pool starts a task with
//! a timer for each connection that it gets, and waits for that task's end where one is taken: a tenth of
//! what a small request costs. So a connection lies here first, on a stack; whoever takes it looks whether
//! it still lives. What nobody takes for a moment goes to Pingora's pool, which watches it from then on.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use pingora::connectors::TransportConnector;
use pingora::protocols::Stream;
use pingora::upstreams::peer::{HttpPeer, Peer};
use tokio::io::AsyncReadExt;

/// How long a connection lies here.
const MOMENT: Duration = Duration::from_millis(500);

/// The connections that one endpoint was given back a moment ago.
#[derive(Default)]
pub(crate) struct Warm(Mutex<State>);

#[derive(Default)]
struct State {
    stack: Vec<Kept>, // the longest unused first
    cooling: bool,    // a task takes away what lies too long
}

struct Kept {
    stream: Stream,
    peer: Arc<HttpPeer>,
    since: Instant,
}

impl Warm {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the connection that was used last, if it is still open.
    pub(crate) fn take(&self) -> Option<(Stream, Arc<HttpPeer>)> {
        loop {
            let mut kept = self.state().stack.pop()?;
            if lives(&mut kept.stream) {
                return Some((kept.stream, kept.peer));
            }
        }
    }

    /// Keeps a connection, for `idle` in all. It must be called inside a runtime.
    pub(crate) fn put(
        self: &Arc<Self>,
        stream: Stream,
        peer: Arc<HttpPeer>,
        idle: Duration,
        pool: &Arc<TransportConnector>,
    ) {
        let cooling = {
            let mut s = self.state();
            s.stack.push(Kept { stream, peer, since: Instant::now() });
            std::mem::replace(&mut s.cooling, true)
        };
        if !cooling {
            tokio::spawn(self.clone().cool(idle, pool.clone()));
        }
    }

    /// Closes all of them.
    pub(crate) fn clear(&self) {
        self.state().stack.clear();
    }

    /// Moves what nobody takes to the pool, until nothing is left here.
    async fn cool(self: Arc<Self>, idle: Duration, pool: Arc<TransportConnector>) {
        let moment = MOMENT.min(idle);
        loop {
            tokio::time::sleep(moment).await;
            let (cold, cooling) = {
                let mut s = self.state();
                let many = s.stack.partition_point(|kept| kept.since.elapsed() >= moment);
                let cold: Vec<_> = s.stack.drain(..many).collect();
                s.cooling = !s.stack.is_empty();
                (cold, s.cooling)
            };
            for kept in cold {
                let left = idle.saturating_sub(kept.since.elapsed());
                pool.release_stream(kept.stream, kept.peer.reuse_hash(), Some(left)); // it drops what is closed
            }
            if !cooling {
                return;
            }
        }
    }
}

/// Whether nothing has come on an idle connection: its end, or what nobody asked for.
fn lives(stream: &mut Stream) -> bool {
    // Unconstrained, or a spent budget would look like nothing there.
    tokio::task::unconstrained(stream.read(&mut [0])).now_or_never().is_none()
}

#[cfg(test)]
mod tests {
    use pingora::protocols::l4::stream::Stream as TcpStream;
    use tokio::io::AsyncWriteExt;
    use tokio::net::TcpListener;

    use super::*;

    const IDLE: Duration = Duration::from_secs(60);

    async fn pair(l: &TcpListener) -> (Stream, tokio::net::TcpStream, Arc<HttpPeer>) {
        let at = l.local_addr().unwrap();
        let (ours, theirs) = tokio::join!(tokio::net::TcpStream::connect(at), l.accept());
        let peer = Arc::new(HttpPeer::new(at, false, String::new()));
        (Box::new(TcpStream::from(ours.unwrap())), theirs.unwrap().0, peer)
    }

    #[tokio::test]
    async fn the_connection_used_last_is_taken_first_and_a_closed_one_never() {
        let (warm, pool) = (Arc::new(Warm::default()), Arc::new(TransportConnector::new(None)));
        let l = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (first, _open, peer) = pair(&l).await;
        let (last, mut theirs, _) = pair(&l).await;
        let ids = (first.id(), last.id());
        warm.put(first, peer.clone(), IDLE, &pool);
        warm.put(last, peer.clone(), IDLE, &pool);
        let (last, _) = warm.take().unwrap();
        assert_eq!(last.id(), ids.1);
        theirs.write_all(b"unasked").await.unwrap();
        let (mut closed, theirs, _) = pair(&l).await;
        drop(theirs);
        let mut byte = [0];
        while lives(&mut closed) {
            let _ = tokio::time::timeout(Duration::from_millis(1), closed.read(&mut byte)).await;
        }
        warm.put(last, peer.clone(), IDLE, &pool);
        warm.put(closed, peer.clone(), IDLE, &pool);
        let _ = tokio::task::yield_now().await;
        let (first, _) = warm.take().unwrap();
        assert_eq!(first.id(), ids.0, "neither the closed one nor the one that something came on");
        assert!(warm.take().is_none());
    }

    #[tokio::test]
    async fn what_nobody_takes_goes_to_the_pool_and_what_was_cleared_nowhere() {
        let (warm, pool) = (Arc::new(Warm::default()), Arc::new(TransportConnector::new(None)));
        let l = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (cleared, mut theirs, peer) = pair(&l).await;
        warm.put(cleared, peer.clone(), IDLE, &pool);
        warm.clear();
        assert_eq!(theirs.read(&mut [0]).await.unwrap(), 0, "it was closed");
        let (kept, _open, peer) = pair(&l).await;
        let id = kept.id();
        warm.put(kept, peer.clone(), IDLE, &pool);
        let deadline = Instant::now() + Duration::from_secs(10);
        let pooled = loop {
            if let Some(stream) = pool.reused_stream(&*peer).await {
                break stream;
            }
            assert!(Instant::now() < deadline, "it never came to the pool");
            tokio::time::sleep(Duration::from_millis(5)).await;
        };
        assert_eq!(pooled.id(), id);
        assert!(warm.take().is_none());
    }
}
