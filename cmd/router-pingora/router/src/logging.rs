//! Lines for an operator on standard error, in the form of the Go router's (slog's text form), and
//! the same for what Pingora says through the log crate.

use std::fmt::{Display, Write as _};
use std::io::Write as _;

use chrono::{SecondsFormat, Utc};
use log::{Level, LevelFilter, Log, Metadata, Record};

/// Writes a line for an operator: a level, what happened, and named values.
#[macro_export]
macro_rules! say {
    ($level:ident, $what:expr $(, $key:literal = $value:expr)* $(,)?) => {
        $crate::logging::line(log::Level::$level, &$what, &[$(($key, &$value as &dyn std::fmt::Display)),*])
    };
}

/// Takes what Pingora logs; only warnings and errors, as its notes are for its developers.
struct Stderr;

impl Log for Stderr {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.level() <= Level::Warn
    }

    fn log(&self, record: &Record<'_>) {
        if self.enabled(record.metadata()) {
            line(record.level(), &record.args(), &[("from", &record.target())]);
        }
    }

    fn flush(&self) {}
}

/// Sends what libraries log to standard error. Calling it twice is harmless.
pub fn init() {
    if log::set_logger(&Stderr).is_ok() {
        log::set_max_level(LevelFilter::Warn);
    }
}

/// Writes one line.
pub fn line(level: Level, what: &dyn Display, values: &[(&str, &dyn Display)]) {
    let text = format(&Utc::now().to_rfc3339_opts(SecondsFormat::Millis, true), level, what, values);
    // Nobody can be told that standard error is closed.
    let _ = std::io::stderr().lock().write_all(text.as_bytes());
}

fn format(time: &str, level: Level, what: &dyn Display, values: &[(&str, &dyn Display)]) -> String {
    let mut out = format!("time={time} level={level} msg=");
    value(&mut out, &what.to_string());
    for (key, v) in values {
        let _ = write!(out, " {key}="); // a String takes everything
        value(&mut out, &v.to_string());
    }
    out.push('\n');
    out
}

/// Appends a value, quoted if it would not be one word.
fn value(out: &mut String, text: &str) {
    let plain = |c: char| c > ' ' && c != '"' && c != '=' && c != '\\' && !c.is_control();
    if !text.is_empty() && text.chars().all(plain) {
        out.push_str(text);
        return;
    }
    out.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            c if c.is_control() => {
                let _ = write!(out, "\\x{:02x}", c as u32); // a String takes everything
            }
            c => out.push(c),
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_that_is_not_one_word_is_quoted() {
        let values: &[(&str, &dyn Display)] =
            &[("a", &"one"), ("b", &"two words"), ("c", &""), ("d", &"line\nand \"x\"")];
        assert_eq!(
            format("T", Level::Warn, &"it happened", values),
            "time=T level=WARN msg=\"it happened\" a=one b=\"two words\" c=\"\" d=\"line\\nand \\\"x\\\"\"\n"
        );
    }
}
