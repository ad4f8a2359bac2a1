//! Wall time as RFC 3339 in UTC, to and from nanoseconds since 1970: the header's origin.

const SECOND: i64 = 1_000_000_000;
const DAY: i64 = 86_400;

/// Appends t, in ns since 1970, as RFC 3339 in UTC with as many digits of the second as it needs.
pub(crate) fn append_wall_time(dst: &mut Vec<u8>, t: i64) {
    let (seconds, nanos) = (t.div_euclid(SECOND), t.rem_euclid(SECOND));
    let (days, of_day) = (seconds.div_euclid(DAY), seconds.rem_euclid(DAY));
    let (y, m, d) = civil_from_days(days);
    let text = format!("{y:04}-{m:02}-{d:02}T{:02}:{:02}:{:02}", of_day / 3600, of_day / 60 % 60, of_day % 60);
    dst.extend_from_slice(text.as_bytes());
    if nanos != 0 {
        let fraction = format!(".{nanos:09}");
        dst.extend_from_slice(fraction.trim_end_matches('0').as_bytes());
    }
    dst.push(b'Z');
}

/// Reads what a reader permits of RFC 3339: any offset, a year from 1700 to 2200.
pub(crate) fn parse_wall_time(text: &str) -> Option<i64> {
    let b = text.as_bytes();
    let number = |from: usize, n: usize| -> Option<i64> {
        let digits = b.get(from..from + n)?;
        digits.iter().all(u8::is_ascii_digit).then(|| digits.iter().fold(0, |v, d| 10 * v + i64::from(d - b'0')))
    };
    let (y, mo, d) = (number(0, 4)?, number(5, 2)?, number(8, 2)?);
    let (h, mi, s) = (number(11, 2)?, number(14, 2)?, number(17, 2)?);
    let marks = b[4] == b'-' && b[7] == b'-' && b[10] == b'T' && b[13] == b':' && b[16] == b':';
    if !marks || !(1700..=2200).contains(&y) || !(1..=12).contains(&mo) || h > 23 || mi > 59 || s > 59 {
        return None;
    }
    if d < 1 || d > days_in(y, mo) {
        return None;
    }
    let mut at = 19;
    let mut nanos = 0;
    if matches!(b.get(at), Some(b'.' | b',')) {
        let digits = b[at + 1..].iter().take_while(|c| c.is_ascii_digit()).count();
        if digits == 0 {
            return None;
        }
        nanos = number(at + 1, digits.min(9))? * 10i64.pow(9 - digits.min(9) as u32);
        at += 1 + digits;
    }
    let offset = match b.get(at)? {
        b'Z' if b.len() == at + 1 => 0,
        sign @ (b'+' | b'-') if b.len() == at + 6 && b[at + 3] == b':' => {
            let (oh, om) = (number(at + 1, 2)?, number(at + 4, 2)?);
            if oh > 24 || om > 60 {
                return None;
            }
            (oh * 3600 + om * 60) * if *sign == b'-' { -1 } else { 1 }
        }
        _ => return None,
    };
    let seconds = days_from_civil(y, mo, d) * DAY + h * 3600 + mi * 60 + s - offset;
    seconds.checked_mul(SECOND)?.checked_add(nanos)
}

fn days_in(y: i64, m: i64) -> i64 {
    match m {
        2 if y % 4 == 0 && (y % 100 != 0 || y % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days since 1970-01-01 of a date of the Gregorian calendar, counted in years that begin in March so
/// that the leap day is the last one.
fn days_from_civil(y: i64, m: i64, d: i64) -> i64 {
    let y = if m <= 2 { y - 1 } else { y };
    let (era, of_era) = (y.div_euclid(400), y.rem_euclid(400));
    let of_year = (153 * ((m + 9) % 12) + 2) / 5 + d - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

/// The inverse of days_from_civil.
fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let z = days + 719_468;
    let (era, of_era) = (z.div_euclid(146_097), z.rem_euclid(146_097));
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let d = of_year - (153 * month + 2) / 5 + 1;
    let m = if month < 10 { month + 3 } else { month - 9 };
    (year + era * 400 + i64::from(m <= 2), m, d)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wall_time_survives() {
        for (t, want) in [
            (1_763_561_251_482_000_001, "2025-11-19T14:07:31.482000001Z"),
            (1_763_561_251_482_000_000, "2025-11-19T14:07:31.482Z"),
            (0, "1970-01-01T00:00:00Z"),
            (-1, "1969-12-31T23:59:59.999999999Z"),
            (951_782_400_000_000_000, "2000-02-29T00:00:00Z"),
            (-8_520_336_000_000_000_000, "1700-01-01T00:00:00Z"),
        ] {
            let mut b = Vec::new();
            append_wall_time(&mut b, t);
            assert_eq!(String::from_utf8(b).unwrap(), want);
            assert_eq!(parse_wall_time(want), Some(t));
        }
    }

    #[test]
    fn every_day_of_the_range_survives() {
        let (mut day, last) = (days_from_civil(1700, 1, 1), days_from_civil(2200, 12, 31));
        let mut before = (1699, 12, 31);
        while day <= last {
            let date = civil_from_days(day);
            assert!(date > before && days_from_civil(date.0, date.1, date.2) == day, "{date:?}");
            before = date;
            day += 1;
        }
    }

    #[test]
    fn an_offset_is_taken_off_and_what_is_no_time_is_refused() {
        assert_eq!(parse_wall_time("1970-01-01T01:00:00+01:00"), Some(0));
        for text in [
            "",
            "2025-11-19",
            "2025-13-19T14:07:31Z",
            "2025-02-29T14:07:31Z",
            "1600-01-01T00:00:00Z",
            "2025-11-19 14:07:31Z",
            "2025-11-19T14:07:31",
            "2025-11-19T24:07:31Z",
            "2025-11-19T14:07:31.Z",
            "2025-11-19T14:07:31Zx",
        ] {
            assert_eq!(parse_wall_time(text), None, "{text}");
        }
    }
}
