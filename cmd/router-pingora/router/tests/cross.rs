//! The Go router beside this one: what one writes, the other reads. Without Go they are skipped, and
//! say so.

mod rig;

use std::process::{Command, Output};

use rig::{Cell, Folder, PROGRAM, Process, config, get, in_force, lockstep};

/// A router of either program.
fn serve(program: &str, args: &[&str]) -> Process {
    Process::start(program, &[&["serve", "--listen", "127.0.0.1:0", "--no-log"], args].concat())
}

fn run(program: &str, args: &[&str]) -> Output {
    Command::new(program).args(args).output().unwrap()
}

#[test]
fn the_go_control_plane_pushes_to_this_router() {
    let Some(go) = lockstep() else { return };
    let (folder, one, two) = (Folder::new("cp"), Cell::start("one"), Cell::start("two"));
    let file = folder.write("c.json", &config("v1", &one));
    let plane = Process::start(go, &["control", "-c", &file, "--listen", "127.0.0.1:0"]);
    let line = plane.wait_for("control plane listens");
    let url = line.split_once("url=").unwrap().1.split(' ').next().unwrap().to_string();
    let mut router = serve(PROGRAM, &["--control", &url, "--state", &folder.path("s"), "--dumps", &folder.path("d")]);
    let at = router.serving();
    in_force(at, "v1");
    plane.wait_for("router acked");
    folder.write("c.json", &config("v2", &two));
    in_force(at, "v2");
    assert_eq!(get(at, "/x", "X-Routing-Key: a\r\n").unwrap().body, "two");
    assert!(plane.wait_for("router acked").contains("version=v2"));
    assert!(router.stop().success());
}

#[test]
fn each_starts_from_the_folder_of_last_known_good_copies_that_the_other_left() {
    let Some(go) = lockstep() else { return };
    for (first, second) in [(go, PROGRAM), (PROGRAM, go)] {
        let (folder, cell) = (Folder::new("state"), Cell::start("c"));
        let file = folder.write("c.json", &config("kept", &cell));
        let mut plane = Process::start(go, &["control", "-c", &file, "--listen", "127.0.0.1:0"]);
        let line = plane.wait_for("control plane listens");
        let url = line.split_once("url=").unwrap().1.split(' ').next().unwrap().to_string();
        let (state, dumps) = (folder.path("state"), folder.path("d"));
        let mut router = serve(first, &["--control", &url, "--state", &state, "--dumps", &dumps]);
        in_force(router.serving(), "kept");
        plane.wait_for("router acked");
        plane.kill();
        router.kill(); // within the soak: both count this run as one that died
        let mut router = serve(second, &["--control", &url, "--state", &state, "--dumps", &dumps]);
        let at = router.serving();
        in_force(at, "kept");
        assert_eq!(get(at, "/x", "X-Routing-Key: a\r\n").unwrap().body, "c");
        let runs = std::fs::read_to_string(folder.path("state/runs")).unwrap();
        assert!(runs.lines().next().is_some_and(|l| l.ends_with(" 2")), "{second} counted: {runs}");
        assert!(router.stop().success());
        let runs = std::fs::read_to_string(folder.path("state/runs")).unwrap();
        assert!(runs.lines().next().is_some_and(|l| l.ends_with(" 1")), "{second} ended in good order: {runs}");
    }
}

#[test]
fn each_replays_what_the_other_recorded() {
    let Some(go) = lockstep() else { return };
    for (recorder, replayer) in [(go, PROGRAM), (PROGRAM, go)] {
        let (folder, cell) = (Folder::new("rec"), Cell::start("c"));
        let file = folder.write("c.json", &config("v", &cell));
        let rec = folder.path("rec");
        let mut router = serve(recorder, &["-c", &file, "--record", &rec, "--dumps", &folder.path("d")]);
        let at = router.serving();
        for key in ["a", "b", "", "a"] {
            get(at, "/x", &format!("X-Routing-Key: {key}\r\nX-Request-Id: 0123456789abcdef0123456789abcdef\r\n"))
                .unwrap();
        }
        assert!(router.stop().success());
        for program in [recorder, replayer] {
            let out = run(program, &["replay", &rec]);
            let said = String::from_utf8_lossy(&out.stdout).into_owned();
            assert!(out.status.success() && said.contains("no gap"), "{program} of {recorder}: {said}");
        }
        let mut files = std::fs::read_dir(&rec).unwrap().map(|f| f.unwrap().path());
        let segment = files.find(|f| f.extension().is_some_and(|e| e == "lst")).unwrap(); // beside it lies its index
        let out = run(go, &["explain", segment.to_str().unwrap(), "--request", "0123456789abcdef0123456789abcdef"]);
        let said = String::from_utf8_lossy(&[out.stdout, out.stderr].concat()).into_owned();
        assert!(out.status.success() && said.contains("forward"), "explain of {recorder}: {said}");
        // One bit of a block: both say that it is damaged.
        let mut bytes = std::fs::read(&segment).unwrap();
        let last = bytes.len() - 3;
        bytes[last] ^= 1;
        std::fs::write(&segment, bytes).unwrap();
        for program in [go, PROGRAM] {
            let out = run(program, &["replay", &rec]);
            let said = String::from_utf8_lossy(&out.stdout).into_owned();
            assert!(out.status.code() == Some(1) && said.contains("damage"), "{program}: {said}");
        }
    }
}

#[test]
fn both_mean_the_same_by_a_file() {
    let Some(go) = lockstep() else { return };
    let (folder, cell) = (Folder::new("same"), Cell::start("c"));
    let file = folder.write("c.json", &config("v", &cell));
    let shown = |program: &str| {
        let mut router = serve(program, &["-c", &file, "--admin", "127.0.0.1:0", "--dumps", &folder.path("d")]);
        let line = router.wait_for("admin listens");
        let admin = line.rsplit_once("http://").unwrap().1.trim_end_matches(['/', '"']).parse().unwrap();
        router.wait_for("msg=serving");
        let mut shown: serde_json::Value =
            serde_json::from_str(&get(admin, "/debug/config", "").unwrap().body).unwrap();
        let at = shown["last_reload_at"].take();
        assert!(at.as_str().is_some_and(|t| t.len() == 20 && t.ends_with('Z')), "{at}");
        let names = get(admin, "/metrics", "").unwrap().body;
        let names: std::collections::BTreeSet<String> =
            names.lines().filter_map(|l| l.strip_prefix("# TYPE lockstep_")).map(str::to_string).collect();
        assert!(router.stop().success());
        (shown.to_string(), names)
    };
    let ((ours, our_names), (theirs, their_names)) = (shown(PROGRAM), shown(go));
    assert_eq!(ours, theirs);
    let missing: Vec<_> = their_names.difference(&our_names).collect();
    let left =
        ["client_connections gauge", "recorder_deleted_bytes_total counter", "recorder_deleted_files_total counter"];
    assert_eq!(missing, left, "see metrics/names.rs");
    let digest = String::from_utf8(run(PROGRAM, &["check", "--digest", &file]).stdout).unwrap();
    assert!(ours.contains(&format!(r#""digest":"{}""#, digest.trim())), "{digest}: {ours}");
}
