//! What a replay notices, what it says, and what it goes on after.

#[path = "common/mod.rs"]
mod common;
#[path = "common/world.rs"]
mod world;

use common::converted;
use lockstep_core::{Class, Decision, Event, EventKind, Router, SECOND};
use lockstep_trace::{
    DamageError, Form, Gap, Header, Item, MIN_BLOCK, ReadError, Reader, Report, Request, Verifier, Writer, append_file,
    append_gap, compress, verify,
};
use world::{World, config, segment, small};

fn replayed(file: &[u8]) -> Report {
    verify(&mut Reader::new(file).unwrap()).unwrap()
}

/// Where a part of a file begins.
fn find(file: &[u8], part: &[u8]) -> usize {
    file.windows(part.len()).position(|w| w == part).unwrap()
}

fn printed(file: &[u8]) -> String {
    String::from_utf8(converted(file, Form::Ndjson).unwrap()).unwrap()
}

/// Changes the first line that has both texts: the second becomes the third, all of the line if it is empty.
fn edited(text: &str, line_with: &str, from: &str, to: &str) -> String {
    let mut lines: Vec<String> = text.lines().map(String::from).collect();
    let n =
        lines.iter().position(|l| l.contains(line_with) && l.contains(from)).unwrap_or_else(|| panic!("{line_with}"));
    if from.is_empty() {
        lines.remove(n);
    } else {
        lines[n] = lines[n].replacen(from, to, 1);
    }
    lines.join("\n") + "\n"
}

#[test]
fn an_edited_decision_is_a_divergence_at_its_step() {
    let text = printed(&small(5, 4).0);
    let opened = text.lines().find(|l| l.contains("\"decision\":\"opened\"")).unwrap();
    let until = opened.split("\"until\":").nth(1).unwrap().split([',', '}']).next().unwrap();
    for (name, line, from, to, field) in [
        ("another endpoint", "\"decision\":\"forward\"", "\"endpoint\":3", "\"endpoint\":4", "endpoint"),
        ("another kind", "\"decision\":\"opened\"", "opened", "probe", "decision"),
        ("another time", "\"decision\":\"opened\"", &format!("\"until\":{until}"), "\"until\":5", "until"),
        ("a decision less", "\"decision\":\"opened\"", "", "", "number of decisions"),
        ("another key", "\"event\":\"arrive\"", "\"key\":\"visa\"", "\"key\":\"acme\"", "placement"),
        ("another outcome", "\"event\":\"finish\"", "connect_refused", "client_gone", ""),
        ("another refusal", "\"event\":\"arrive\"", "}", ",\"refuse\":\"unknown_key\"}", "refuse of Match"),
    ] {
        let changed = edited(&text, line, from, to);
        for form in [Form::Ndjson, Form::Binary] {
            let r = replayed(&converted(changed.as_bytes(), form).unwrap());
            let d = r.divergence.unwrap_or_else(|| panic!("{name}: nobody noticed"));
            assert!(r.damage.is_empty() && (field.is_empty() || d.field == field), "{name}: {d}");
        }
    }
    let mark = text.lines().find(|l| l.starts_with("{\"digest\"")).unwrap();
    let changed = text.replacen(mark, "{\"digest\":\"0000000000000000\"}", 1);
    let d = replayed(changed.as_bytes()).divergence.unwrap();
    assert_eq!((d.field, d.digests.unwrap().0), ("digest of the state", 0));
    assert!(mark.contains(&format!("{:016x}", d.digests.unwrap().1)));
}

#[test]
fn a_divergence_shows_both_decisions_and_the_state_around() {
    let text = printed(&small(5, 4).0);
    let changed =
        edited(&text, "\"decision\":\"forward\",\"rule\":3,\"placement\":2", "\"endpoint\":3", "\"endpoint\":4");
    let d = replayed(changed.as_bytes()).divergence.unwrap();
    let said = d.to_string();
    for want in [
        "divergence at step 2, t=1000000 ns, block 1: endpoint differs",
        "\"event\":\"arrive\",\"key\":\"visa\"",
        "recorded   {\"decision\":\"forward\",\"rule\":3,\"placement\":2,\"endpoint\":4",
        "recomputed {\"decision\":\"forward\",\"rule\":3,\"placement\":2,\"endpoint\":3",
        "placement  visa: 1 in flight",
        "endpoint   http://a:1: breaker closed",
    ] {
        assert!(said.contains(want), "{want:?} is missing in:\n{said}");
    }
}

#[test]
fn segments_carry_the_state_over() {
    let mut v = Verifier::default();
    for b in small(5, 4).1 {
        v.run(&mut Reader::new(&[segment("small", 1), b].concat()[..]).unwrap()).unwrap();
    }
    let r = v.report();
    assert!(r.ok(), "{r:?}");
    assert_eq!((r.first, r.last, r.facts, r.requests, r.blocks, r.lost), (1, 41, 41, 20, 5, 0));
}

#[test]
fn a_segment_that_is_missing_is_lost_steps_and_the_rest_replays() {
    let blocks = small(5, 4).1;
    let mut v = Verifier::default();
    for b in [&blocks[0], &blocks[3], &blocks[4]] {
        v.run(&mut Reader::new(&[segment("small", 1), b.clone()].concat()[..]).unwrap()).unwrap();
    }
    let r = v.report();
    assert!(r.ok(), "{r:?}");
    assert_eq!((r.facts, r.lost, r.first, r.last), (9 + 16, 16, 1, 41));
}

#[test]
fn another_recording_does_not_continue_the_first() {
    let blocks = small(5, 4).1;
    let mut v = Verifier::default();
    for (name, b) in [("first", &blocks[0]), ("second", &blocks[3])] {
        v.run(&mut Reader::new(&[segment(name, 1), b.clone()].concat()[..]).unwrap()).unwrap();
    }
    let r = v.report();
    assert!(r.ok(), "{r:?}");
    assert_eq!((r.lost, r.facts), (0, 9 + 8));
}

#[test]
fn a_block_from_the_middle_of_a_run_replays_alone() {
    let r = replayed(&[segment("small", 1), small(5, 4).1[2..].concat()].concat());
    assert!(r.ok(), "{r:?}");
    assert_eq!((r.first, r.facts, r.lost), (18, 24, 0));
}

#[test]
fn a_damaged_block_is_named_and_replay_goes_on() {
    let (mut file, blocks) = small(5, 4);
    let at = find(&file, &blocks[2]);
    file[at + 200] ^= 4;
    let r = replayed(&file);
    assert!(r.divergence.is_none() && !r.ok());
    assert_eq!((r.facts, r.blocks, r.lost), (1 + 4 * 8, 4, 8));
    let said = r.damage[0].to_string();
    assert!(said.starts_with(&format!("block 3 at byte {at}: CRC mismatch: stored ")), "{said}");
}

#[test]
fn any_flipped_bit_is_found_and_none_is_taken_for_a_divergence() {
    let (mut file, _) = small(3, 1);
    let whole = replayed(&file).facts;
    for i in 0..file.len() {
        for bit in 0..8 {
            file[i] ^= 1 << bit;
            if let Ok(r) = Reader::new(&file[..]).and_then(|mut r| verify(&mut r)) {
                assert!(!r.ok(), "bit {bit} of byte {i}: nobody noticed");
                assert!(r.divergence.is_none(), "bit {bit} of byte {i}: damage taken for a divergence");
                // A damaged configuration costs all, a damaged block only itself.
                let cost = whole - r.facts;
                assert!(cost <= 3 || r.blocks == 0 || r.damage.len() > 1, "bit {bit} of byte {i} cost {cost} facts");
            }
            file[i] ^= 1 << bit;
        }
    }
}

#[test]
fn a_gap_is_reported_and_replay_goes_on() {
    let (file, blocks) = small(5, 4);
    let mut cut = file[..find(&file, &blocks[1])].to_vec();
    append_gap(&mut cut, &Gap { step: 10, steps: 16, blocks: 2, why: "the disk was slow".into() });
    cut.extend_from_slice(&blocks[3..].concat());
    for form in [Form::Binary, Form::Ndjson] {
        let r = replayed(&converted(&cut, form).unwrap());
        assert!(r.ok(), "{r:?}");
        assert_eq!((r.gaps.len(), r.gaps[0].why.as_str(), r.lost, r.facts), (1, "the disk was slow", 16, 9 + 16));
    }
}

#[test]
fn compressed_blocks_replay_the_same() {
    let (file, blocks) = small(5, 4);
    let mut packed = file[..find(&file, &blocks[0])].to_vec();
    for b in &blocks {
        compress(&mut packed, b);
    }
    assert!(packed.len() < file.len());
    assert_eq!(replayed(&packed).facts, replayed(&file).facts);
    assert_eq!(converted(&packed, Form::Binary).unwrap(), file);
}

/// Makes a changed frame head valid again.
fn resealed(mut frame: Vec<u8>) -> Vec<u8> {
    let covered = [&frame[4..6], &frame[8..16]].concat();
    frame[6..8].copy_from_slice(&(crc32c::crc32c(&covered) as u16).to_le_bytes());
    frame
}

#[test]
fn strange_files_get_a_clear_error() {
    let (file, blocks) = small(5, 4);
    let head = &file[..find(&file, &blocks[0])];
    let mut bare = Vec::new();
    append_file(&mut bare, &Header::default());
    let changed = |at: usize, to: &[u8]| {
        let mut b = blocks[0].clone();
        b[at..at + to.len()].copy_from_slice(to);
        [head, &resealed(b)].concat()
    };
    let mut newer = file.clone();
    newer[7] = 2;
    for (name, file, want) in [
        ("empty", Vec::new(), "the file is empty"),
        ("text", b"hello, world\n".to_vec(), "begins neither"),
        ("short", b"LST".to_vec(), "begins neither"),
        ("newer format", newer, "format version 2, this program reads 1: use a newer one"),
        (
            "newer format, printed",
            b"{\"lockstep\":7,\"spec\":\"3\"}\n".to_vec(),
            "format version 7, this program reads 1",
        ),
        ("unknown flags", changed(5, &[2]), "flags 0x2"),
        ("unknown frame", changed(4, &[9]), "there is no frame type 9"),
        ("frame over the limit", changed(8, &(1u32 << 31).to_le_bytes()), "over the limit"),
        ("no header", [b"LSTRACE\x01", &blocks[0][..]].concat(), "the first frame has type 3"),
        ("only the magic", b"LSTRACE\x01".to_vec(), "the file is cut short"),
        ("block without its configuration", [&bare[..], &blocks[1]].concat(), "which is not in the file before it"),
        ("adopted configuration missing", [&bare[..], &blocks[0]].concat(), "is adopted, but it is not in the file"),
    ] {
        let said = match Reader::new(&file[..]).and_then(|mut r| verify(&mut r)) {
            Ok(r) => r.damage.iter().map(DamageError::to_string).collect::<Vec<_>>().join("\n"),
            Err(e) => e.to_string(),
        };
        assert!(said.contains(want), "{name}: {said}");
    }
}

#[test]
fn an_error_in_the_printed_form_names_the_line() {
    let text = printed(&small(5, 4).0);
    for (name, from, to, want) in [
        (
            "unknown field",
            "\"event\":\"arrive\"",
            "\"event\":\"arrive\",\"colour\":\"red\"",
            "\"colour\" is not a field",
        ),
        ("field twice", "\"key\":\"visa\",", "\"key\":\"visa\",\"key\":\"visa\",", "is there twice"),
        ("unknown event", "\"event\":\"arrive\"", "\"event\":\"leave\"", "no such event"),
        ("step out of order", "\"step\":4,", "\"step\":5,", "the step should be 4"),
        ("number out of range", "\"placement\":2", "\"placement\":4294967296", "placement: a number is out of range"),
        ("number too long", "\"placement\":2", "\"placement\":99999999999999999999999", "out of range"),
        (
            "wrong type",
            "\"event\":\"arrive\",\"key\":\"visa\"",
            "\"event\":\"arrive\",\"key\":7",
            "there should be '\"'",
        ),
        ("unknown value", "\"class\":\"connect_refused\"", "\"class\":\"tired\"", "there is no value \"tired\""),
        ("bad id", "\"id\":\"", "\"id\":\"x", "32 lower-case hex digits"),
        ("cut line", "\"event\":\"arrive\"", "", "there should be"),
        ("junk after the line", "\"class\":\"connect_refused\"}", "\"class\":\"connect_refused\"}}", "there is more"),
        (
            "bad escape",
            "\"event\":\"arrive\",\"key\":\"visa\"",
            "\"event\":\"arrive\",\"key\":\"\\ud800x\"",
            "stands alone",
        ),
        ("time runs backwards", "\"t\":2000000,", "\"t\":1,", "time runs backwards"),
        ("a decision alone", "{\"step\":4,", "{\"decision\":\"ack\",", "is not a field"),
    ] {
        let n = text.lines().position(|l| l.contains(from)).unwrap_or_else(|| panic!("{name}"));
        let lines = text.lines().enumerate().map(|(i, l)| if i == n { l.replacen(from, to, 1) } else { l.into() });
        let changed = lines.collect::<Vec<_>>().join("\n");
        let mut r = Reader::new(changed.as_bytes()).unwrap();
        let (mut damage, mut after) = (Vec::new(), 0);
        loop {
            match r.next() {
                Ok(Some(Item::Fact(_))) => after += usize::from(!damage.is_empty()),
                Ok(Some(_)) => {}
                Ok(None) => break,
                Err(ReadError::Damage(e)) => damage.push(e),
                Err(e) => panic!("{name}: {e}"),
            }
        }
        assert_eq!(damage.len(), 1, "{name}: {damage:?}");
        let said = damage[0].to_string();
        assert!(said.starts_with(&format!("line {} (block", n + 1)) && said.contains(want), "{name}: {said}");
        assert_eq!(after, 4 * 8, "{name}: reading goes on with the next block");
    }
}

const GOLDEN: &str = include_str!("golden.ndjson");

#[test]
fn the_printed_view_is_stable() {
    use lockstep_core::{BreakerSpec, Config, EndpointSpec, HealthSpec, KeySpec, Origin, PlacementSpec, Spec};
    let c = Config::compile(&Spec {
        version: "v1".into(),
        keys: vec![KeySpec { key: "visa".into(), placement: "visa".into() }],
        placements: vec![PlacementSpec {
            name: "visa".into(),
            endpoints: vec![EndpointSpec { url: "http://a:1".into(), ..EndpointSpec::default() }],
            breaker: BreakerSpec { failures: 1, ..BreakerSpec::default() },
            health: HealthSpec { off: true, ..HealthSpec::default() },
            ..PlacementSpec::default()
        }],
        ..Spec::default()
    })
    .unwrap();
    let header = Header {
        name: "golden".into(),
        seed: 1,
        config: c.digest(),
        flags: vec!["test".into()],
        why: "R6: one failure opens".into(),
        ..Header::default()
    };
    let mut out = Vec::new();
    let mut first = Router::new(lockstep_core::Options { seed: 1, ..Default::default() });
    let writer = std::cell::RefCell::new(Writer::new(&mut out, Form::Ndjson, header, &mut first));
    let mut w = World::new(1, |r: &mut Router, ev: &Event, req: Option<Request<'_>>, out: &[Decision]| {
        writer.borrow_mut().observe(r, ev, req, out);
    });
    let adopt = Event { kind: EventKind::ADOPT, config: Some(c), origin: Origin::CONTROL, ..Event::default() };
    w.step(adopt, None);
    w.now = SECOND;
    w.arrive(b"visa", -1);
    w.arrive(b"\"no\xffbody\"", 0);
    w.now += 1;
    w.finish(Class::CONNECT_TIMEOUT);
    w.step(Event { kind: EventKind::DRAIN, deadline: w.now + 7, ..Event::default() }, None);
    w.now += 9;
    w.step(Event { kind: EventKind::TICK, ..Event::default() }, None);
    let mut router = w.router;
    writer.into_inner().close(&mut router).unwrap();
    assert_eq!(String::from_utf8(out).unwrap(), GOLDEN, "the printed view has changed; that breaks every reader");
}

#[test]
fn a_block_is_at_least_64_kib_and_16_times_its_snapshot() {
    let c = config(0);
    let mut out = Vec::new();
    let mut first = Router::new(lockstep_core::Options { seed: 3, ..Default::default() });
    let writer = std::cell::RefCell::new(Writer::new(&mut out, Form::Binary, Header::default(), &mut first));
    let mut w = World::new(3, |r: &mut Router, ev: &Event, req: Option<Request<'_>>, out: &[Decision]| {
        writer.borrow_mut().observe(r, ev, req, out);
    });
    w.adopt(&c);
    for i in 0..6000 {
        w.now += SECOND / 1000;
        w.arrive([&b"visa"[..], b"<&>", b"nobody", b""][i % 4], 10);
        if i % 4 < 3 {
            w.finish(Class::NONE);
        }
    }
    let mut router = w.router;
    writer.into_inner().close(&mut router).unwrap();
    let (mut r, mut blocks) = (Reader::new(&out[..]).unwrap(), Vec::new());
    while let Some(item) = r.next().unwrap() {
        if let Item::Block(b) = item {
            blocks.push((b.offset as usize, b.snapshot.len()));
        }
    }
    assert!(blocks.len() > 3, "only {} blocks", blocks.len());
    for pair in blocks.windows(2) {
        let size = pair[1].0 - pair[0].0;
        assert!(size >= MIN_BLOCK && size >= 16 * pair[0].1 && size < MIN_BLOCK + 8192, "{size} bytes: {pair:?}");
    }
    assert!(replayed(&out).ok());
}

/// A disk that takes n bytes.
struct Full(usize);

impl std::io::Write for Full {
    fn write(&mut self, b: &[u8]) -> std::io::Result<usize> {
        self.0 = self.0.checked_sub(b.len()).ok_or_else(|| std::io::Error::other("no space left"))?;
        Ok(b.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_writer_reports_the_first_error_at_close() {
    for form in [Form::Binary, Form::Ndjson] {
        let mut first = Router::new(lockstep_core::Options::default());
        let writer = std::cell::RefCell::new(Writer::new(Full(300), form, Header::default(), &mut first));
        let mut w = World::new(0, |r: &mut Router, ev: &Event, req: Option<Request<'_>>, out: &[Decision]| {
            writer.borrow_mut().observe(r, ev, req, out);
        });
        w.adopt(&config(0));
        w.arrive(b"visa", 0);
        let mut router = w.router;
        assert_eq!(writer.into_inner().close(&mut router).unwrap_err().to_string(), "no space left");
    }
}
