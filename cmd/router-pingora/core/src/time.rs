//! Time as the machine knows it: integers since the trace's origin.

/// A point on the trace's clock: nanoseconds since the trace's origin. It never decreases; a
/// step clamps a smaller value to the largest it has seen. Zero is the origin.
pub type Time = i64;

/// A length of time in nanoseconds.
pub type Duration = i64;

/// One microsecond.
pub const MICROSECOND: Duration = 1000;
/// One millisecond.
pub const MILLISECOND: Duration = 1000 * MICROSECOND;
/// One second.
pub const SECOND: Duration = 1000 * MILLISECOND;

/// The deadline of a machine that waits for nothing.
pub const NEVER: Time = i64::MAX;

/// The longest setting that `Config::compile` accepts: 30 days.
pub const MAX_DURATION: Duration = 30 * 24 * 3600 * SECOND;

/// Returns `t + d`, held at `NEVER` on overflow.
#[inline]
pub const fn add(t: Time, d: Duration) -> Time {
    let sum = t.wrapping_add(d);
    if sum >= t || d < 0 { sum } else { NEVER }
}

/// Returns the length of time from `u` to `t`.
#[inline]
pub const fn sub(t: Time, u: Time) -> Duration {
    t.wrapping_sub(u)
}
