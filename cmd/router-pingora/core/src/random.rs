//! Randomness is a function, not a stream (SPEC, "Randomness"): the same words give the same
//! draw, so traffic for one tenant cannot move another's draws.

/// Separates draws made for different reasons from the same request.
#[derive(Copy, Clone)]
#[repr(u64)]
pub(crate) enum Purpose {
    Choice = 1,
    SecondChoice = 2,
    Jitter = 3,
    Phase = 4,
    ProbeJitter = 5,
    Rendezvous = 6,
    BackOff = 7,
    SlowStart = 9,
    Shard = 10,
    MaglevTable = 11,
    MaglevLookup = 12,
    Split = 15,
}

/// 2^64 divided by the golden ratio, splitmix64's increment.
pub(crate) const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;

/// The finaliser of splitmix64 (Steele, Lea, Flood 2014; constants by Stafford).
#[inline]
pub(crate) const fn finalise(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// Folds the finaliser over the words (seed, who, attempt, purpose).
#[inline]
pub(crate) const fn draw(seed: u64, who: u64, attempt: u64, p: Purpose) -> u64 {
    let mut h = finalise(seed.wrapping_add(GOLDEN));
    h = finalise(h.wrapping_add(who).wrapping_add(GOLDEN));
    h = finalise(h.wrapping_add(attempt).wrapping_add(GOLDEN));
    finalise(h.wrapping_add(p as u64).wrapping_add(GOLDEN))
}

/// Maps a draw to 0..n-1 by the high half of the 128-bit product; 0 for n = 0.
#[inline]
pub(crate) const fn below(h: u64, n: u64) -> u64 {
    ((h as u128 * n as u128) >> 64) as u64
}

/// FNV-1a over the bytes of `s`, then the finaliser: the hash of routing keys, which may be any
/// bytes, and of names.
pub fn hash_string<S: AsRef<[u8]> + ?Sized>(s: &S) -> u64 {
    let mut h = 0xcbf2_9ce4_8422_2325_u64;
    for &b in s.as_ref() {
        h = (h ^ u64::from(b)).wrapping_mul(0x0000_0100_0000_01b3);
    }
    finalise(h)
}

/// Hashes what makes an endpoint the same endpoint across epochs: placement and URL (R12).
pub(crate) fn identity<P: AsRef<[u8]> + ?Sized, U: AsRef<[u8]> + ?Sized>(placement: &P, url: &U) -> u64 {
    finalise(hash_string(placement).wrapping_add(GOLDEN) ^ hash_string(url))
}

/// Folds the two halves of a 128-bit request id into `Event::request`.
pub fn request_hash(hi: u64, lo: u64) -> u64 {
    finalise(finalise(hi.wrapping_add(GOLDEN)).wrapping_add(lo))
}

#[cfg(test)]
#[path = "random_test.rs"]
mod tests;
