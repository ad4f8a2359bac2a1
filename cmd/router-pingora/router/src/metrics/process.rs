//! What the process takes of the machine, by the names that Prometheus' own clients have: from /proc,
//! and nothing where there is none.

use std::fs::{read_dir, read_to_string};

use super::gauges::Page;
use super::names;

/// Clock ticks a second in /proc, the same on every Linux machine.
const TICKS: f64 = 100.0;

/// Adds the metrics of this process.
pub fn process(page: &mut Page) {
    if let Some((cpu, start)) = read_to_string("/proc/self/stat").ok().and_then(|s| times(&s)) {
        page.gauge_as_counter(&names::CPU, cpu / TICKS);
        let boot = read_to_string("/proc/stat").ok().and_then(|s| number(&s, "btime "));
        if let Some(boot) = boot {
            page.gauge(&names::START, boot + start / TICKS);
        }
    }
    let status = read_to_string("/proc/self/status").unwrap_or_default();
    for (metric, line) in [(&names::RESIDENT, "VmRSS:"), (&names::VIRTUAL, "VmSize:")] {
        if let Some(kib) = number(&status, line) {
            page.gauge(metric, kib * 1024.0);
        }
    }
    if let Ok(open) = read_dir("/proc/self/fd") {
        page.gauge(&names::OPEN_FDS, open.count() as f64);
    }
}

/// The number behind a word at the begin of a line.
fn number(text: &str, word: &str) -> Option<f64> {
    let rest = text.lines().find_map(|l| l.strip_prefix(word))?;
    rest.split_ascii_whitespace().next()?.parse().ok()
}

/// Ticks of the processor, in user and in system mode, and of the start after the boot. The name of the
/// program, in brackets, may hold anything.
fn times(stat: &str) -> Option<(f64, f64)> {
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_ascii_whitespace().collect();
    let field = |n: usize| fields.get(n - 3)?.parse::<f64>().ok(); // numbered as in proc(5), from 1
    Some((field(14)? + field(15)?, field(22)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_found_behind_any_name_of_the_program() {
        let stat = "7 (a ) b) S 1 7 7 0 -1 4194560 9 0 0 0 250 50 0 0 20 0 9 0 1234 1 2 3";
        assert_eq!(times(stat), Some((300.0, 1234.0)));
        assert_eq!(times("7 (a"), None);
        assert_eq!(number("VmPeak:\t9 kB\nVmRSS:\t  12 kB\n", "VmRSS:"), Some(12.0));
    }
}
