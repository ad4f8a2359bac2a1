//! The wait before a reconnect (BASELINE: exponential, 1 s to 60 s).

use std::time::Duration;

use lockstep_core::request_hash;

const MIN: Duration = Duration::from_secs(1);
const MAX: Duration = Duration::from_secs(60);

/// Returns the wait before reconnect number `attempt`, from 0: between 1 and 2 s at first, doubling,
/// at most 60 s. Where in the upper half of its range it falls is a hash of seed and draw, so that
/// routers which lost their control plane together do not come back together.
pub fn backoff(seed: u64, draw: u64, attempt: u32) -> Duration {
    let upper = if attempt < 5 { 2 * MIN * (1 << attempt) } else { MAX };
    let lower = MIN.max(upper / 2);
    let range = (upper - lower).as_nanos(); // fits 64 bits
    let part = (u128::from(request_hash(seed, draw)) * range) >> 64;
    lower + Duration::from_nanos(part as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_doubles_from_a_second_to_a_minute_and_differs_from_router_to_router() {
        for (attempt, lower, upper) in
            [(0, 1, 2), (1, 2, 4), (2, 4, 8), (3, 8, 16), (4, 16, 32), (5, 30, 60), (40, 30, 60)]
        {
            let mut seen = std::collections::BTreeSet::new();
            for seed in 0..50 {
                let wait = backoff(seed, 1, attempt);
                assert!(wait >= Duration::from_secs(lower) && wait < Duration::from_secs(upper), "{attempt}: {wait:?}");
                seen.insert(wait);
            }
            assert!(seen.len() > 40, "attempt {attempt}: only {} different waits", seen.len());
        }
    }
}
