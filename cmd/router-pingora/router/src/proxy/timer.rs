//! The clock of an attempt. Nearly every step of a request is done at once, and then no timer of the
//! runtime is touched: arming one takes the lock of its wheel, and a system call where it is the next.

use std::future::{Future, poll_fn};
use std::pin::Pin;

use tokio::time::{Instant, Sleep, sleep_until};

/// One timer for all waits of an attempt, made by the first that has to wait.
#[derive(Default)]
pub(crate) struct Timer(Option<Pin<Box<Sleep>>>);

impl Timer {
    /// Waits until then. Dropped before it is polled, as the last branch of a biased select is, it costs nothing.
    pub(crate) fn until(&mut self, due: Instant) -> impl Future<Output = ()> {
        poll_fn(move |cx| {
            let sleep = self.0.get_or_insert_with(|| Box::pin(sleep_until(due)));
            if sleep.deadline() != due {
                sleep.as_mut().reset(due);
            }
            sleep.as_mut().poll(cx)
        })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use futures_util::FutureExt;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn it_waits_until_the_time_that_was_named_last() {
        let (begun, mut timer) = (Instant::now(), Timer::default());
        assert!(timer.0.is_none(), "nothing is armed before somebody waits");
        assert_eq!(timer.until(begun + Duration::from_secs(9)).now_or_never(), None);
        for after in [2, 5] {
            let due = begun + Duration::from_secs(after);
            timer.until(due).await;
            assert!(Instant::now() >= due && begun.elapsed() < Duration::from_secs(after + 1));
        }
        timer.until(begun).await; // what is past does not wait
        assert!(begun.elapsed() < Duration::from_secs(6));
    }
}
