//! JSON as the printed view has it: strings written, and a scanner of one line.

use std::borrow::Cow;

/// Appends bytes as a JSON string. Quotes, backslashes and control characters are escaped; a byte
/// that is not UTF-8 becomes a lone surrogate, `\udc80` to `\udcff` (as PEP 383 does), so that any
/// key survives.
pub(crate) fn append_string(dst: &mut Vec<u8>, s: &[u8]) {
    dst.push(b'"');
    for chunk in s.utf8_chunks() {
        append_escaped(dst, chunk.valid().as_bytes());
        for &c in chunk.invalid() {
            dst.extend_from_slice(&[b'\\', b'u', b'd', b'c', hex_digit(c >> 4), hex_digit(c & 15)]);
        }
    }
    dst.push(b'"');
}

fn append_escaped(dst: &mut Vec<u8>, valid: &[u8]) {
    let mut from = 0;
    for (i, &c) in valid.iter().enumerate() {
        if c >= b' ' && c != b'"' && c != b'\\' {
            continue;
        }
        dst.extend_from_slice(&valid[from..i]);
        from = i + 1;
        if c < b' ' {
            dst.extend_from_slice(&[b'\\', b'u', b'0', b'0', hex_digit(c >> 4), hex_digit(c & 15)]);
        } else {
            dst.extend_from_slice(&[b'\\', c]);
        }
    }
    dst.extend_from_slice(&valid[from..]);
}

fn hex_digit(v: u8) -> u8 {
    b"0123456789abcdef"[usize::from(v & 15)]
}

/// Appends v as 16 lower-case hex digits.
pub(crate) fn append_hex(dst: &mut Vec<u8>, v: u64) {
    let mut digits = [0; 16];
    for (i, d) in digits.iter_mut().enumerate() {
        *d = hex_digit((v >> (60 - 4 * i)) as u8);
    }
    dst.extend_from_slice(&digits);
}

/// Appends v as decimal digits.
pub(crate) fn append_uint(dst: &mut Vec<u8>, mut v: u64) {
    let mut digits = [0; 20];
    let mut at = digits.len();
    loop {
        at -= 1;
        digits[at] = b'0' + (v % 10) as u8;
        v /= 10;
        if v == 0 {
            break;
        }
    }
    dst.extend_from_slice(&digits[at..]);
}

/// Appends v as decimal digits, with its sign if it is negative.
pub(crate) fn append_int(dst: &mut Vec<u8>, v: i64) {
    if v < 0 {
        dst.push(b'-');
    }
    append_uint(dst, v.unsigned_abs());
}

/// Reads lower-case hex digits, `None` for anything else.
pub(crate) fn parse_hex(b: &[u8]) -> Option<u64> {
    let mut v = 0u64;
    for &c in b {
        let digit = match c {
            b'0'..=b'9' => c - b'0',
            b'a'..=b'f' => c - b'a' + 10,
            _ => return None,
        };
        v = v << 4 | u64::from(digit);
    }
    Some(v)
}

/// Reads the JSON of one line: objects, arrays, strings, integers and booleans. After the first
/// error every read gives nothing.
pub(crate) struct Scanner<'a> {
    pub b: &'a [u8],
    pub i: usize,
    pub err: Option<String>,
}

impl<'a> Scanner<'a> {
    pub fn new(b: &'a [u8]) -> Self {
        Scanner { b, i: 0, err: None }
    }

    /// Notes the first error, with the column at which it was found.
    pub fn fail(&mut self, what: impl std::fmt::Display) {
        if self.err.is_none() {
            self.err = Some(format!("column {}: {what}", self.i + 1));
        }
    }

    pub fn ok(&self) -> bool {
        self.err.is_none()
    }

    /// What was read, or the first error.
    pub fn done<T>(self, value: T) -> Result<T, String> {
        self.err.map_or(Ok(value), Err)
    }

    /// Skips white space and returns the next byte, 0 at the end.
    pub fn peek(&mut self) -> u8 {
        while let Some(&c) = self.b.get(self.i) {
            if !matches!(c, b' ' | b'\t' | b'\r' | b'\n') {
                return c;
            }
            self.i += 1;
        }
        0
    }

    /// Consumes c if it comes next.
    pub fn take(&mut self, c: u8) -> bool {
        let next = self.err.is_none() && self.peek() == c && self.i < self.b.len();
        self.i += usize::from(next);
        next
    }

    pub fn expect(&mut self, c: u8) {
        if self.err.is_none() && !self.take(c) {
            self.fail(format_args!("there should be '{}'", c as char));
        }
    }

    /// Begins the next member of an object and returns its name, `None` after the last. first says
    /// whether the object has only just been opened.
    pub fn key(&mut self, first: bool) -> Option<Cow<'a, [u8]>> {
        if self.take(b'}') || self.err.is_some() {
            return None;
        }
        if !first {
            self.expect(b',');
        }
        let name = self.string();
        self.expect(b':');
        self.err.is_none().then_some(name)
    }

    /// Reads the members of an object that has been opened, each at most once; each reads one value, or
    /// returns false for a name that it does not know.
    pub fn members(&mut self, mut first: bool, mut each: impl FnMut(&mut Self, &[u8]) -> bool) {
        let mut seen = Vec::with_capacity(16);
        while let Some(name) = self.key(first) {
            first = false;
            if seen.contains(&name) || !each(self, &name) {
                self.fail(format_args!("{:?} is not a field of this line, or is there twice", lossy(&name)));
            }
            seen.push(name);
        }
    }

    /// Reads an array; each reads one element.
    pub fn elements(&mut self, mut each: impl FnMut(&mut Self)) {
        self.expect(b'[');
        let mut first = true;
        while self.err.is_none() && !self.take(b']') {
            if !first {
                self.expect(b',');
            }
            first = false;
            each(self);
        }
    }

    /// Checks that nothing follows.
    pub fn end(&mut self) {
        if self.err.is_none() && (self.peek() != 0 || self.i < self.b.len()) {
            self.fail("there is more after the end of the object");
        }
    }

    /// Reads a string.
    pub fn string(&mut self) -> Cow<'a, [u8]> {
        self.expect(b'"');
        if self.err.is_some() {
            return Cow::Borrowed(&[]);
        }
        let start = self.i;
        while let Some(&c) = self.b.get(self.i) {
            match c {
                b'"' => {
                    self.i += 1;
                    return Cow::Borrowed(&self.b[start..self.i - 1]);
                }
                b'\\' => return Cow::Owned(self.escaped(start)),
                0..b' ' => break,
                _ => self.i += 1,
            }
        }
        self.unfinished()
    }

    fn unfinished(&mut self) -> Cow<'a, [u8]> {
        if self.i < self.b.len() {
            self.fail("a control character in a string must be escaped");
        } else {
            self.fail("a string does not end");
        }
        Cow::Borrowed(&[])
    }

    /// Goes on with a string from its first escape on.
    fn escaped(&mut self, start: usize) -> Vec<u8> {
        let mut text = self.b[start..self.i].to_vec();
        while let Some(&c) = self.b.get(self.i) {
            match c {
                b'"' => {
                    self.i += 1;
                    return text;
                }
                0..b' ' => break,
                b'\\' => {
                    self.i += 1;
                    self.escape(&mut text);
                    if self.err.is_some() {
                        return Vec::new();
                    }
                }
                _ => {
                    self.i += 1;
                    text.push(c);
                }
            }
        }
        self.unfinished().into_owned()
    }

    fn escape(&mut self, text: &mut Vec<u8>) {
        let Some(&c) = self.b.get(self.i) else { return };
        self.i += 1;
        match c {
            b'"' | b'\\' | b'/' => text.push(c),
            b'b' => text.push(8),
            b'f' => text.push(12),
            b'n' => text.push(b'\n'),
            b'r' => text.push(b'\r'),
            b't' => text.push(b'\t'),
            b'u' => self.unicode(text),
            _ => self.fail(format_args!("\\{} is not an escape", c as char)),
        }
    }

    fn unicode(&mut self, text: &mut Vec<u8>) {
        let r = self.hex4();
        if self.err.is_some() {
            return;
        }
        if (0xdc80..=0xdcff).contains(&r) {
            text.push(r as u8);
            return;
        }
        let mut code = r;
        if (0xd800..0xdc00).contains(&r) && self.b[self.i..].starts_with(b"\\u") {
            self.i += 2;
            let low = self.hex4();
            if (0xdc00..0xe000).contains(&low) {
                code = 0x10000 + ((r - 0xd800) << 10) + (low - 0xdc00);
            }
        }
        match char::from_u32(code) {
            Some(c) => text.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
            None => self.fail("a surrogate stands alone"),
        }
    }

    fn hex4(&mut self) -> u32 {
        let v = self.b.get(self.i..self.i + 4).and_then(parse_hex);
        if v.is_none() {
            self.fail("\\u needs four hex digits");
        }
        self.i += 4;
        v.unwrap_or(0) as u32
    }

    /// Reads a string that must be UTF-8: any but a routing key.
    pub fn text(&mut self) -> String {
        match String::from_utf8(self.string().into_owned()) {
            Ok(s) => s,
            Err(_) => {
                self.fail("the string is not UTF-8");
                String::new()
            }
        }
    }

    /// Reads 16 lower-case hex digits in a string.
    pub fn hash(&mut self) -> u64 {
        let b = self.string();
        match parse_hex(&b) {
            Some(v) if b.len() == 16 => return v,
            _ => self.fail(format_args!("{:?} should be 16 lower-case hex digits", lossy(&b))),
        }
        0
    }

    /// Reads 32 lower-case hex digits in a string.
    pub fn id(&mut self) -> [u64; 2] {
        let b = self.string();
        if b.len() == 32
            && let (Some(hi), Some(lo)) = (parse_hex(&b[..16]), parse_hex(&b[16..]))
        {
            return [hi, lo];
        }
        self.fail(format_args!("{:?} should be 32 lower-case hex digits", lossy(&b)));
        [0, 0]
    }

    pub fn bool(&mut self) -> bool {
        self.peek();
        for (word, value) in [("true", true), ("false", false)] {
            if self.err.is_none() && self.b[self.i..].starts_with(word.as_bytes()) {
                self.i += word.len();
                return value;
            }
        }
        self.fail("there should be true or false");
        false
    }

    pub fn uint(&mut self) -> u64 {
        self.peek();
        let (start, mut v) = (self.i, 0u64);
        while self.err.is_none() && self.i < self.b.len() && self.b[self.i].is_ascii_digit() {
            let d = u64::from(self.b[self.i] - b'0');
            match v.checked_mul(10).and_then(|v| v.checked_add(d)) {
                Some(next) => v = next,
                None => self.fail("the number is out of range"),
            }
            self.i += 1;
        }
        if self.i == start {
            self.fail("there should be a whole number");
        }
        v
    }

    pub fn int(&mut self) -> i64 {
        let negative = self.take(b'-');
        let v = self.uint();
        if let Ok(v) = i64::try_from(if negative { -i128::from(v) } else { i128::from(v) }) {
            return v;
        }
        self.fail("the number is out of range");
        0
    }

    /// Reads a whole number that a field of that width can hold.
    pub fn number<T: TryFrom<i64> + Default>(&mut self) -> T {
        match T::try_from(self.int()) {
            Ok(v) => v,
            Err(_) => {
                self.fail("the number is out of range");
                T::default()
            }
        }
    }
}

/// What a person can read of bytes that should be text.
pub(crate) fn lossy(b: &[u8]) -> Cow<'_, str> {
    String::from_utf8_lossy(b)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn printed(s: &[u8]) -> String {
        let mut b = Vec::new();
        append_string(&mut b, s);
        String::from_utf8(b).unwrap()
    }

    #[test]
    fn any_bytes_survive_as_a_string() {
        for (bytes, want) in [
            (&b"plain"[..], r#""plain""#),
            (b"\"no\xffbody\"", r#""\"no\udcffbody\"""#),
            (b"a\\\x01\n\xc3\xa9", "\"a\\\\\\u0001\\u000a\u{e9}\""),
            (b"\xed\xa0\x80", r#""\udced\udca0\udc80""#), // a surrogate in UTF-8 is no UTF-8
            (b"\xe2\x82", r#""\udce2\udc82""#),           // cut short
            (b"\xf4\x90\x80\x80", r#""\udcf4\udc90\udc80\udc80""#),
            (b"", r#""""#),
        ] {
            let got = printed(bytes);
            assert_eq!(got, want);
            let mut s = Scanner::new(got.as_bytes());
            assert_eq!(s.string(), bytes);
            s.end();
            assert_eq!(s.err, None);
        }
    }

    #[test]
    fn every_byte_alone_survives() {
        for c in 0..=255u8 {
            let text = printed(&[c]);
            assert_eq!(Scanner::new(text.as_bytes()).string(), &[c][..], "{text}");
        }
    }

    #[test]
    fn escapes_of_other_writers_are_read() {
        let mut s = Scanner::new(br#""\/\b\f\n\r\t\u00e9\ud83d\ude00""#);
        assert_eq!(s.string(), "/\u{8}\u{c}\n\r\t\u{e9}\u{1f600}".as_bytes());
        assert_eq!(s.err, None);
    }

    #[test]
    fn what_is_no_string_or_number_is_refused() {
        for (text, want) in [
            (r#""\ud800x""#, "a surrogate stands alone"),
            (r#""\ud800\u0041""#, "a surrogate stands alone"),
            (r#""\u12"#, "four hex digits"),
            (r#""\u00E9""#, "four hex digits"),
            (r#""\x""#, "is not an escape"),
            ("\"a\nb\"", "must be escaped"),
            ("\"\\n\nb\"", "must be escaped"),
            ("\"a", "does not end"),
            ("\"a\\", "does not end"),
            ("7", "there should be '\"'"),
        ] {
            let mut s = Scanner::new(text.as_bytes());
            s.string();
            assert!(s.err.as_ref().is_some_and(|e| e.contains(want)), "{text}: {:?}", s.err);
        }
        for text in ["18446744073709551616", "", "x", "99999999999999999999999"] {
            let mut s = Scanner::new(text.as_bytes());
            s.uint();
            assert!(s.err.is_some(), "{text}");
        }
        for (text, want) in [
            ("-9223372036854775808", Some(i64::MIN)),
            ("9223372036854775807", Some(i64::MAX)),
            ("9223372036854775808", None),
            ("-9223372036854775809", None),
        ] {
            let mut s = Scanner::new(text.as_bytes());
            let v = s.int();
            assert_eq!(s.err.is_none().then_some(v), want, "{text}");
        }
    }
}
