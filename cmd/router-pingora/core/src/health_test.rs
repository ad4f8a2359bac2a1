use super::*;
use crate::time::{MILLISECOND, SECOND};
use proptest::prelude::*;

proptest! {
    /// Compares the machine with the history of its probes: it changes when the last `fall` or
    /// `rise` results all contradict it.
    #[test]
    fn health_is_a_run_length(
        fall in 1..=4_u32,
        rise in 1..=4_u32,
        start: bool,
        results in prop::collection::vec(any::<bool>(), 1..40),
    ) {
        let s = HealthSpec { fall, rise, ..HealthSpec::default() };
        let mut h = Health { unhealthy: start, ..Health::default() };
        let (mut unhealthy, mut run) = (start, 0);
        for ok in results {
            let need = if unhealthy { rise } else { fall };
            run = if ok == unhealthy { run + 1 } else { 0 };
            let changes = run == need;
            if changes {
                (unhealthy, run) = (!unhealthy, 0);
            }
            prop_assert_eq!(h.observe(ok, &s), changes);
            prop_assert_eq!(h, Health { unhealthy, streak: run, token: 0 });
        }
    }

    /// Holds the formula of R8: the first point after now of phase + k x every + jitter(k), jitter
    /// below a tenth of every.
    #[test]
    fn probes_lie_on_their_grid(every in MILLISECOND..=60 * SECOND, now in 0..=1000 * SECOND, id: u64) {
        let s = HealthSpec { every, ..HealthSpec::default() };
        let every = every as u64;
        let phase = below(draw(9, id, 0, Purpose::Phase), every);
        let point = |k: u64| (phase + k * every + below(draw(9, id, k, Purpose::ProbeJitter), every / 10)) as i64;
        let mut k = (now as u64).saturating_sub(phase + 2 * every) / every;
        while point(k) <= now {
            k += 1;
        }
        prop_assert_eq!(next_probe(now, &s, 9, id), point(k));
    }
}

/// Asks for times around the very first point.
#[test]
fn the_grid_starts_before_its_phase() {
    let s = HealthSpec { every: 10 * SECOND, ..HealthSpec::default() };
    for id in 0..50 {
        let first = next_probe(0, &s, 1, id);
        assert_eq!(next_probe(first - 1, &s, 1, id), first);
        let second = next_probe(first, &s, 1, id);
        assert!(second > first && second <= first + 11 * SECOND, "after {first} comes {second}");
    }
}
