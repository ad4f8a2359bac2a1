//! Both forms hold the same, to the byte, and damage costs no more than it must.

use lockstep_core::{Decision, Event, Time};

use crate::draw::Draw;
use crate::encoder::Encoder;
use crate::fact::{Gap, Header};
use crate::frame::{FRAME_HEAD, compress};
use crate::reader::{DamageError, Item, ReadError, Reader};
use crate::{Form, append_file, append_gap, convert};

/// What a reader finds, to be compared.
#[derive(PartialEq, Debug)]
enum Seen {
    Block(u64, Time, u64, Vec<u8>),
    Fact(u64, Time, String, Vec<u8>, [u64; 2], Vec<Decision>),
    Mark(u64),
    Gap(Gap),
}

fn read(file: &[u8]) -> Result<(Header, Vec<Seen>, Vec<DamageError>), ReadError> {
    let mut r = Reader::new(file)?;
    let (mut seen, mut damage) = (Vec::new(), Vec::new());
    loop {
        match r.next() {
            Ok(None) => return Ok((r.header().clone(), seen, damage)),
            Ok(Some(Item::Config(_))) => unreachable!("these traces have none"),
            Ok(Some(Item::Block(b))) => seen.push(Seen::Block(b.step, b.time, b.digest, b.snapshot.clone())),
            Ok(Some(Item::Fact(f))) => {
                seen.push(Seen::Fact(f.step, f.time, show(&f.event), f.key.clone(), f.id, f.decisions.clone()))
            }
            Ok(Some(Item::Mark(d))) => seen.push(Seen::Mark(d)),
            Ok(Some(Item::Gap(g))) => seen.push(Seen::Gap(g.clone())),
            Err(ReadError::Damage(e)) => damage.push(e),
            Err(e) => return Err(e),
        }
    }
}

fn show(ev: &Event) -> String {
    format!("{ev:?}")
}

fn header(d: &mut Draw) -> Header {
    Header {
        spec: "1".into(),
        name: "drawn \"\u{e9}\"\n".into(),
        seed: d.word(),
        config: 0,
        flags: vec!["a".into(), "b\\".into()],
        origin: if d.flip() { 0 } else { (d.word() >> 3) as i64 },
        why: String::new(),
    }
}

/// A stored trace of so many blocks, with where each of its frames begins, and what is in it.
fn drawn(seed: u64, blocks: usize, facts: usize) -> (Vec<u8>, Vec<usize>, Vec<Seen>) {
    let mut d = Draw::new(seed);
    let (mut file, mut starts, mut seen) = (Vec::new(), Vec::new(), Vec::new());
    append_file(&mut file, &header(&mut d));
    let mut enc = Encoder::new();
    let (mut step, mut now) = (1 + d.word() % 1000, d.time());
    for _ in 0..blocks {
        starts.push(file.len());
        if d.below(4) == 0 {
            let gap = Gap { step, steps: d.word() >> 40, blocks: 3, why: "slow \u{1} disk".into() };
            append_gap(&mut file, &gap);
            step += gap.steps;
            seen.push(Seen::Gap(gap));
            starts.push(file.len());
        }
        let head = d.block(step, now);
        enc.begin_at(Vec::new(), &head);
        seen.push(Seen::Block(step, now, head.digest, head.snapshot));
        for _ in 0..facts {
            let f = d.fact(step, now);
            enc.append(f.time, &f.event, Some(f.request()), &f.decisions);
            (step, now) = (step + 1, f.time);
            seen.push(Seen::Fact(f.step, f.time, show(&f.event), f.key, f.id, f.decisions));
            if d.below(8) == 0 {
                let digest = d.word();
                enc.mark(digest);
                seen.push(Seen::Mark(digest));
            }
        }
        let mut block = enc.end();
        file.extend_from_slice(block.seal());
    }
    (file, starts, seen)
}

fn converted(file: &[u8], form: Form) -> Vec<u8> {
    let mut out = Vec::new();
    let damage = convert(&mut out, form, &mut Reader::new(file).unwrap()).unwrap();
    assert_eq!(damage, []);
    out
}

#[test]
fn what_is_written_is_read_in_both_forms_and_converting_loses_nothing() {
    for seed in 0..400 {
        let (stored, _, want) = drawn(seed, 3, 25);
        let (_, seen, damage) = read(&stored).unwrap();
        assert_eq!((&seen, &damage[..]), (&want, &[][..]), "seed {seed}, stored");
        let printed = converted(&stored, Form::Ndjson);
        let (_, seen, damage) = read(&printed).unwrap();
        assert_eq!((&seen, &damage[..]), (&want, &[][..]), "seed {seed}, printed");
        assert_eq!(converted(&printed, Form::Binary), stored, "seed {seed}: stored, printed, stored");
        assert_eq!(converted(&printed, Form::Ndjson), printed, "seed {seed}: printed, printed");
        assert_eq!(converted(&stored, Form::Binary), stored, "seed {seed}: stored, stored");
    }
}

#[test]
fn members_may_come_in_any_order_and_with_white_space() {
    let (stored, _, want) = drawn(7, 2, 40);
    let printed = String::from_utf8(converted(&stored, Form::Ndjson)).unwrap();
    let loose: String = printed
        .lines()
        .map(|line| {
            let mut members: Vec<&str> = line.trim_start_matches('{').trim_end_matches('}').split(",\"").collect();
            let keep = if line.starts_with("{\"step\"") { 3 } else { 1 };
            if !line.contains("\"key\"") && !line.contains("\"flags\"") && !line.contains("\"why\"") {
                members[keep..].reverse();
            }
            format!("{{ {} }}\r\n", members.join(" ,\t\"").replace("\":", "\" : "))
        })
        .collect();
    // The strings of keys and reasons have the separators in them only where they are escaped.
    let (_, seen, damage) = read(loose.as_bytes()).unwrap();
    assert_eq!(damage, []);
    assert_eq!(seen, want);
}

#[test]
fn a_compressed_block_reads_the_same() {
    let (stored, starts, want) = drawn(11, 4, 60);
    let mut packed = stored[..starts[0]].to_vec();
    for (i, &at) in starts.iter().enumerate() {
        compress(&mut packed, &stored[at..starts.get(i + 1).copied().unwrap_or(stored.len())]);
    }
    assert!(packed.len() < stored.len(), "{} of {} bytes", packed.len(), stored.len());
    assert_eq!(read(&packed).unwrap().1, want);
    assert_eq!(converted(&packed, Form::Binary), stored);
}

fn facts(seen: &[Seen]) -> usize {
    seen.iter().filter(|s| matches!(s, Seen::Fact(..))).count()
}

#[test]
fn a_trace_cut_short_is_read_up_to_the_cut() {
    let (stored, starts, _) = drawn(3, 4, 10);
    for n in 0..stored.len() {
        let whole = starts.iter().filter(|&&at| at <= n).count();
        match read(&stored[..n]) {
            Err(_) => assert_eq!(whole, 0, "cut at {n}"),
            Ok((_, seen, damage)) => {
                assert!(whole > 0, "cut at {n}: no error");
                assert_eq!(damage.is_empty(), starts.contains(&n), "cut at {n}: {damage:?}");
                assert!(facts(&seen).is_multiple_of(10), "cut at {n}: part of a block was taken for the whole");
            }
        }
    }
}

#[test]
fn a_flipped_bit_costs_its_block_and_is_named() {
    let (mut stored, starts, want) = drawn(5, 3, 6);
    for i in starts[0]..stored.len() {
        for bit in 0..8 {
            stored[i] ^= 1 << bit;
            let (_, seen, damage) = read(&stored).unwrap();
            assert_eq!(damage.len(), 1, "bit {bit} of byte {i}: {damage:?}");
            assert!(facts(&want) - facts(&seen) <= 6, "bit {bit} of byte {i} cost more than its block");
            let frame = starts.iter().rfind(|&&at| at <= i).copied().unwrap();
            assert_eq!(damage[0].offset, frame as u64, "bit {bit} of byte {i}: {}", damage[0]);
            stored[i] ^= 1 << bit;
        }
    }
}

#[test]
fn a_damaged_block_is_named_and_reading_goes_on() {
    let without_gaps = |&seed: &u64| !drawn(seed, 5, 8).2.iter().any(|s| matches!(s, Seen::Gap(_)));
    let (mut stored, starts, _) = drawn((0..).find(without_gaps).unwrap(), 5, 8);
    let at = starts[2];
    stored[at + FRAME_HEAD + 20] ^= 4;
    let (_, seen, damage) = read(&stored).unwrap();
    assert_eq!(facts(&seen), 4 * 8);
    let text = damage[0].to_string();
    assert!(text.starts_with(&format!("block 3 at byte {at}: CRC mismatch")), "{text}");
}

#[test]
fn random_bytes_are_no_reason_to_fail() {
    let (stored, starts, _) = drawn(9, 2, 10);
    let printed = converted(&stored, Form::Ndjson);
    for seed in 0..3000 {
        let mut d = Draw::new(seed);
        for base in [&stored, &printed] {
            let mut b = base.clone();
            for _ in 0..1 + d.below(6) {
                let i = d.below(b.len());
                match d.below(3) {
                    0 => b[i] = d.word() as u8,
                    1 => drop(b.drain(i..(i + d.below(20)).min(b.len()))),
                    _ => {
                        let n = (i + d.below(20)).min(b.len());
                        let part = b[i..n].to_vec();
                        b.splice(i..i, part);
                    }
                }
            }
            // Half of the stored ones with sound checksums, so that what is inside is looked at too.
            if b.starts_with(b"LSTRACE") && d.flip() && b.len() > starts[0] + FRAME_HEAD {
                crate::frame::seal_frame(&mut b[starts[0]..], crate::frame::FRAME_BLOCK);
            }
            if let Ok(mut r) = Reader::new(&b[..]) {
                let mut out = Vec::new();
                let _ = convert(&mut out, Form::Ndjson, &mut r);
                let mut r = Reader::new(&b[..]).unwrap();
                let _ = crate::verify(&mut r);
                let mut r = Reader::new(&b[..]).unwrap();
                let _ = crate::complete(&mut out, Form::Binary, &mut r);
            }
        }
    }
}
