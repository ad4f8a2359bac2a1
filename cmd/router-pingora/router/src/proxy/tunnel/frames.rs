//! The frames of one direction of a WebSocket (RFC 6455, 5.2), followed and never changed.

const CLOSE: u8 = 8;

/// Where in a frame a direction is.
#[derive(Debug, Default)]
pub(super) struct Frames {
    head: usize, // bytes of the frame's head that have passed, up to its length
    more: usize, // bytes of its length still to come
    left: u64,   // bytes after that, mask included
    length: u64,
    masked: bool,
    closes: bool, // the frame is a close frame
    /// A close frame has passed: nothing may follow.
    pub(super) closed: bool,
    broken: bool, // this is no WebSocket
}

impl Frames {
    /// Whether what has passed ends with a whole frame.
    pub(super) fn between(&self) -> bool {
        self.head == 0 && !self.broken
    }

    /// Follows a piece. With `stop` it ends behind the first whole frame, else at the end. It returns
    /// how many bytes it has followed.
    pub(super) fn feed(&mut self, p: &[u8], stop: bool) -> usize {
        let mut n = 0;
        while n < p.len() && !self.broken {
            if self.head >= 2 && self.more == 0 {
                let k = self.left.min((p.len() - n) as u64); // the mask and the payload
                self.left -= k;
                n += k as usize;
            } else {
                self.head_byte(p[n]);
                n += 1;
            }
            if self.head >= 2 && self.more == 0 && self.left == 0 {
                self.closed |= self.closes;
                self.head = 0;
                if stop {
                    return n;
                }
            }
        }
        if self.broken { p.len() } else { n }
    }

    /// Follows one byte of a frame's head before the mask.
    fn head_byte(&mut self, b: u8) {
        match self.head {
            0 => self.closes = b & 0x0f == CLOSE,
            1 => {
                (self.masked, self.length) = (b & 0x80 != 0, u64::from(b & 0x7f));
                match self.length {
                    126 => (self.more, self.length) = (2, 0),
                    127 => (self.more, self.length) = (8, 0),
                    _ => {}
                }
            }
            _ => {
                self.length = self.length << 8 | u64::from(b);
                self.more -= 1;
            }
        }
        self.head += 1;
        if self.head >= 2 && self.more == 0 {
            self.broken = self.length > 1 << 62;
            self.left = self.length.saturating_add(if self.masked { 4 } else { 0 });
        }
    }
}

/// A close frame with a status and a reason of at most 123 bytes.
pub(super) fn close_frame(status: u16, reason: &[u8], masked: bool) -> Vec<u8> {
    let mut payload = status.to_be_bytes().to_vec();
    payload.extend_from_slice(reason);
    let mut frame = vec![0x80 | CLOSE, payload.len() as u8];
    if !masked {
        frame.extend(payload);
        return frame;
    }
    let mask: [u8; 4] = rand::random();
    frame[1] |= 0x80;
    frame.extend(mask);
    frame.extend(payload.iter().enumerate().map(|(i, b)| b ^ mask[i % 4]));
    frame
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(op: u8, masked: bool, payload: usize) -> Vec<u8> {
        let mut f = vec![0x80 | op];
        let bit = if masked { 0x80 } else { 0 };
        match payload {
            0..=125 => f.push(bit | payload as u8),
            126..=65535 => {
                f.push(bit | 126);
                f.extend((payload as u16).to_be_bytes());
            }
            _ => {
                f.push(bit | 127);
                f.extend((payload as u64).to_be_bytes());
            }
        }
        f.extend(vec![7; payload + if masked { 4 } else { 0 }]);
        f
    }

    #[test]
    fn frames_are_followed_however_the_bytes_are_cut() {
        for size in [0, 1, 125, 126, 65_535, 65_536] {
            for masked in [false, true] {
                let text = [frame(1, masked, size), frame(2, masked, 3)].concat();
                for cut in [1, 2, 3, 7, 1000] {
                    let mut f = Frames::default();
                    for piece in text.chunks(cut) {
                        assert_eq!(f.feed(piece, false), piece.len());
                    }
                    assert!(f.between() && !f.closed, "{size} {masked} {cut}");
                }
            }
        }
    }

    #[test]
    fn to_stop_is_to_end_behind_the_first_whole_frame() {
        let text = [frame(1, true, 5), frame(1, true, 9)].concat();
        let mut f = Frames::default();
        assert_eq!(f.feed(&text[..4], false), 4);
        assert!(!f.between());
        assert_eq!(f.feed(&text[4..], true), frame(1, true, 5).len() - 4);
        assert!(f.between());
    }

    #[test]
    fn our_close_frame_is_one_masked_or_not() {
        for masked in [false, true] {
            let mut f = Frames::default();
            let text = close_frame(1001, b"x", masked);
            assert_eq!(f.feed(&text, false), text.len());
            assert!(f.between() && f.closed);
        }
    }

    #[test]
    fn a_length_that_cannot_be_is_no_websocket() {
        let mut f = Frames::default();
        let text = [&[0x81, 127][..], &[0xff; 8], b"abc"].concat();
        assert_eq!(f.feed(&text, true), text.len());
        assert!(!f.between());
    }
}
