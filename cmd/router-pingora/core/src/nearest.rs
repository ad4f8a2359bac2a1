//! What a message asks with "did you mean".

use alloc::vec::Vec;

/// Returns the name that is at most a few slips away from word, the first of equals, "" when none is.
pub fn nearest<'a>(word: &str, names: &[&'a str]) -> &'a str {
    let (mut best, mut limit) = ("", (word.len() / 3).max(2) + 1);
    for &name in names {
        let d = edit_distance(word.as_bytes(), name.as_bytes(), limit);
        if d < limit {
            (best, limit) = (name, d);
        }
    }
    best
}

/// Bounds the work on what nobody typed by a slip.
const MAX_WORD: usize = 200;

/// Levenshtein's distance over bytes, given up at limit.
fn edit_distance(a: &[u8], b: &[u8], limit: usize) -> usize {
    if a.len().abs_diff(b.len()) >= limit || a.len() > MAX_WORD || b.len() > MAX_WORD {
        return limit;
    }
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut diagonal = row[0];
        row[0] = i;
        for j in 1..=b.len() {
            let cost = diagonal + usize::from(a[i - 1] != b[j - 1]);
            diagonal = row[j];
            row[j] = cost.min(row[j] + 1).min(row[j - 1] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
#[path = "nearest_test.rs"]
mod tests;
