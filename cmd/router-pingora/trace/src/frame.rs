//! A stored file is its magic, the format's version, then frames. The payload of a header, configuration
//! or gap frame is its line of the printed view without the LF; that of a block is README's "Block".

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;

pub(crate) const FILE_MAGIC: &[u8; 7] = b"LSTRACE";
/// The version of the format that this crate reads and writes.
pub const FORMAT_VERSION: u8 = 1;
pub(crate) const FILE_HEAD: usize = FILE_MAGIC.len() + 1;

pub(crate) const FRAME_MAGIC: &[u8; 4] = b"LSTF";
/// Magic, type, flags, check of this head, stored length, CRC-32C of the payload.
pub(crate) const FRAME_HEAD: usize = 16;
/// Step, time, digest, length of the snapshot.
pub(crate) const BLOCK_HEAD: usize = 28;

/// The largest payload of a frame in bytes; a larger one in a file is damage.
pub const MAX_FRAME: usize = 512 << 20;
/// The largest payload that is stored compressed, so that a small hostile file cannot ask for much memory.
pub(crate) const MAX_INFLATED: usize = 64 << 20;

pub(crate) const FRAME_HEADER: u8 = 1;
pub(crate) const FRAME_CONFIG: u8 = 2;
pub(crate) const FRAME_BLOCK: u8 = 3;
pub(crate) const FRAME_GAP: u8 = 4;

pub(crate) const FLAG_GZIP: u8 = 1;

/// Begins a digest mark among the facts of a block; the tag of a fact is its event kind.
pub(crate) const TAG_MARK: u8 = 0x40;

/// Appends the sealed frame compressed with gzip, or as it is if that is not smaller. Readers accept
/// either anywhere.
pub fn compress(dst: &mut Vec<u8>, frame: &[u8]) {
    let payload = &frame[FRAME_HEAD..];
    if payload.len() > MAX_INFLATED || frame[5] & FLAG_GZIP != 0 {
        dst.extend_from_slice(frame);
        return;
    }
    let mut z = GzEncoder::new(Vec::new(), Compression::default());
    let packed = z.write_all(payload).and_then(|()| z.finish());
    match packed {
        Ok(packed) if packed.len() < payload.len() => {
            let at = dst.len();
            dst.extend_from_slice(&frame[..FRAME_HEAD]);
            dst.extend_from_slice(&packed);
            let crc = u32_at(frame, 12);
            set_frame_head(&mut dst[at..], frame[4], FLAG_GZIP, packed.len(), crc);
        }
        _ => dst.extend_from_slice(frame),
    }
}

/// Appends a sealed frame whose payload the function appends.
pub(crate) fn append_frame(dst: &mut Vec<u8>, kind: u8, payload: impl FnOnce(&mut Vec<u8>)) {
    let at = dst.len();
    dst.extend_from_slice(&[0; FRAME_HEAD]);
    payload(dst);
    seal_frame(&mut dst[at..], kind);
}

/// Fills in the head of an uncompressed frame.
pub(crate) fn seal_frame(frame: &mut [u8], kind: u8) {
    let stored = frame.len() - FRAME_HEAD;
    let crc = crc32c::crc32c(&frame[FRAME_HEAD..]);
    set_frame_head(frame, kind, 0, stored, crc);
}

fn set_frame_head(head: &mut [u8], kind: u8, flags: u8, stored: usize, crc: u32) {
    head[..4].copy_from_slice(FRAME_MAGIC);
    (head[4], head[5]) = (kind, flags);
    head[8..12].copy_from_slice(&(stored as u32).to_le_bytes());
    head[12..16].copy_from_slice(&crc.to_le_bytes());
    let check = head_check(head).to_le_bytes();
    head[6..8].copy_from_slice(&check);
}

/// Covers type, flags, length and checksum, so that a reader knows whether it can trust the length to
/// find the next frame.
fn head_check(head: &[u8]) -> u16 {
    let mut covered = [0; 10];
    covered[..2].copy_from_slice(&head[4..6]);
    covered[2..].copy_from_slice(&head[8..16]);
    crc32c::crc32c(&covered) as u16
}

/// Whether these first bytes of a frame are a head whose length can be trusted.
pub(crate) fn valid_head(head: &[u8]) -> bool {
    head.len() >= FRAME_HEAD && head[..4] == *FRAME_MAGIC && head_check(head).to_le_bytes() == head[6..8]
}

/// Reads four little-endian bytes of b from i on; the caller has made sure that they are there.
pub(crate) fn u32_at(b: &[u8], i: usize) -> u32 {
    let mut v = [0; 4];
    v.copy_from_slice(&b[i..i + 4]);
    u32::from_le_bytes(v)
}

/// Reads eight little-endian bytes of b from i on; the caller has made sure that they are there.
pub(crate) fn u64_at(b: &[u8], i: usize) -> u64 {
    let mut v = [0; 8];
    v.copy_from_slice(&b[i..i + 8]);
    u64::from_le_bytes(v)
}
