//! Buffered reading with a look ahead, as both forms need it.

use std::io::{self, Read};

/// Bytes of a trace, of which the next few can be looked at before they are taken.
pub(crate) struct Input<R> {
    from: R,
    buf: Vec<u8>,
    start: usize, // buf[start..end] has been read and not taken
    end: usize,
    eof: bool,
}

const ROOM: usize = 64 << 10;

impl<R: Read> Input<R> {
    pub fn new(from: R) -> Self {
        Input { from, buf: vec![0; ROOM], start: 0, end: 0, eof: false }
    }

    /// Returns the next n bytes, fewer at the end; n is small.
    pub fn peek(&mut self, n: usize) -> io::Result<&[u8]> {
        while self.end - self.start < n && !self.eof {
            self.fill()?;
        }
        let have = n.min(self.end - self.start);
        Ok(&self.buf[self.start..self.start + have])
    }

    /// Takes up to n bytes that peek has shown and returns how many there were.
    pub fn skip(&mut self, n: usize) -> usize {
        let have = n.min(self.end - self.start);
        self.start += have;
        have
    }

    fn fill(&mut self) -> io::Result<()> {
        if self.start > 0 {
            self.buf.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.end - self.start);
        }
        let n = read(&mut self.from, &mut self.buf[self.end..])?;
        self.end += n;
        self.eof = n == 0;
        Ok(())
    }

    /// Appends the next n bytes to dst, fewer at the end, and returns how many were appended. What
    /// dst takes grows as bytes come, so that a false length cannot ask for more memory than there is.
    pub fn read(&mut self, dst: &mut Vec<u8>, n: usize) -> io::Result<usize> {
        let mut got = 0;
        while got < n {
            let have = (n - got).min(self.end - self.start);
            dst.extend_from_slice(&self.buf[self.start..self.start + have]);
            self.start += have;
            got += have;
            if got == n {
                break;
            }
            let chunk = (n - got).min(1 << 20);
            let at = dst.len();
            dst.resize(at + chunk, 0);
            let k = read(&mut self.from, &mut dst[at..]).inspect_err(|_| dst.truncate(at))?;
            dst.truncate(at + k);
            got += k;
            if k == 0 {
                self.eof = true;
                break;
            }
        }
        Ok(got)
    }

    /// Replaces line with the next one, without its LF; false at the end. A line of more than limit
    /// bytes is an error.
    pub fn line(&mut self, line: &mut Vec<u8>, limit: usize) -> io::Result<bool> {
        line.clear();
        loop {
            let have = &self.buf[self.start..self.end];
            if let Some(n) = memchr(have) {
                line.extend_from_slice(&have[..n]);
                self.start += n + 1;
                return Ok(true);
            }
            line.extend_from_slice(have);
            self.start = self.end;
            if line.len() > limit {
                return Err(io::Error::new(io::ErrorKind::InvalidData, format!("a line is longer than {limit} bytes")));
            }
            if self.eof {
                return Ok(!line.is_empty());
            }
            self.fill()?;
        }
    }
}

/// Where the first LF is. The standard library looks at a word at a time only for one byte of a slice
/// through `contains`, so this goes by chunks that the compiler can turn into vector instructions.
fn memchr(b: &[u8]) -> Option<usize> {
    let mut at = 0;
    for chunk in b.chunks(64) {
        if chunk.contains(&b'\n') {
            return chunk.iter().position(|&c| c == b'\n').map(|i| at + i);
        }
        at += chunk.len();
    }
    None
}

/// Reads once, again if it was interrupted.
fn read(from: &mut impl Read, dst: &mut [u8]) -> io::Result<usize> {
    loop {
        match from.read(dst) {
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            other => return other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives a few bytes at a time, as a pipe may.
    struct Trickle<'a>(&'a [u8], usize);

    impl Read for Trickle<'_> {
        fn read(&mut self, dst: &mut [u8]) -> io::Result<usize> {
            let n = self.1.min(dst.len()).min(self.0.len());
            dst[..n].copy_from_slice(&self.0[..n]);
            self.0 = &self.0[n..];
            Ok(n)
        }
    }

    #[test]
    fn lines_come_whole_however_the_bytes_come() {
        let long = "x".repeat(200_000);
        let text = format!("one\n\n{long}\nlast without an end");
        for step in [1, 7, 64, 100_000] {
            let mut input = Input::new(Trickle(text.as_bytes(), step));
            let (mut line, mut lines) = (Vec::new(), Vec::new());
            while input.line(&mut line, 1 << 20).unwrap() {
                lines.push(String::from_utf8(line.clone()).unwrap());
            }
            assert_eq!(lines, ["one", "", &long, "last without an end"], "{step} bytes at a time");
        }
    }

    #[test]
    fn a_read_beyond_the_end_gives_what_there_is() {
        let mut input = Input::new(Trickle(b"abcdef", 2));
        assert_eq!(input.peek(4).unwrap(), b"abcd");
        assert_eq!(input.skip(1), 1);
        let mut dst = Vec::new();
        assert_eq!(input.read(&mut dst, 1 << 40).unwrap(), 5);
        assert_eq!(dst, b"bcdef");
        assert!(dst.capacity() <= 4 << 20);
        assert_eq!(input.peek(1).unwrap(), b"");
    }
}
