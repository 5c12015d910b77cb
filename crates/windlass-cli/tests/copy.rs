//! `Copy-Item` on the command line and through the agent.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    unreachable_pub,
    reason = "test code"
)]

mod support;

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use support::{Host, PASSWORD, PROGRAM, errors, lines};

/// Two folders, a host that has one of them, and an agent.
struct Place {
    folder: PathBuf,
    host: Option<Host>,
}

impl Place {
    fn new(name: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("windlass-copy-{name}-{}", std::process::id()));
        for name in ["here/tree/below", "there", "run"] {
            std::fs::create_dir_all(folder.join(name)).unwrap();
        }
        let there = folder.join("there");
        let host = Host::start(&["--files", there.to_str().unwrap()]);
        Self { folder, host: Some(host) }
    }

    fn here(&self, name: &str) -> PathBuf {
        self.folder.join("here").join(name)
    }

    fn there(&self, name: &str) -> PathBuf {
        self.folder.join("there").join(name)
    }

    fn run(&self, arguments: &[&str]) -> Output {
        Command::new(PROGRAM)
            .args(["--resolve", &format!("srv1=127.0.0.1:{}", self.host.as_ref().unwrap().http)])
            .args(arguments)
            .env("XDG_RUNTIME_DIR", self.folder.join("run"))
            .env("WINDLASS_PASSWORD", PASSWORD)
            .current_dir(self.folder.join("here"))
            .stdin(Stdio::null())
            .output()
            .unwrap()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut stop = Command::new(PROGRAM);
        stop.args(["agent", "stop"]).env("XDG_RUNTIME_DIR", self.folder.join("run"));
        assert!(stop.output().unwrap().status.success() || std::thread::panicking());
        if let Some(host) = self.host.take() {
            host.stop();
        }
        std::fs::remove_dir_all(&self.folder).ok();
    }
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[test]
fn files_are_copied_with_a_session_that_the_agent_holds() {
    let place = Place::new("held");
    std::fs::write(place.here("one.txt"), "one").unwrap();
    std::fs::write(place.here("two.txt"), "two").unwrap();
    std::fs::write(place.here("tree/below/three.txt"), "three").unwrap();
    let opened = place.run(&["New-PSSession", "srv1", "-Name", "files", "-Credential", "alice"]);
    assert_eq!(opened.status.code(), Some(0), "{}", errors(&opened));

    // Paths are those of the folder in which the command is given, not of the agent.
    let to = |more: &[&str]| {
        place.run(&[&["Copy-Item", "-ToSession", "files", "-Destination", "User:"], more].concat())
    };
    let copied = to(&["-Path", "*.txt", "-PassThru"]);
    assert_eq!(copied.status.code(), Some(0), "{}", errors(&copied));
    let told = lines(&copied);
    assert_eq!((told.len(), &told[0]["Length"]), (2, &3.into()));
    assert_eq!(told[0]["Sha256"].as_str().map(str::len), Some(64));
    assert_eq!((read(&place.there("one.txt")), read(&place.there("two.txt"))), ("one".into(), "two".into()));
    let copied = to(&["-LiteralPath", "tree", "-Recurse"]);
    assert_eq!((copied.status.code(), copied.stdout.len()), (Some(0), 0), "{}", errors(&copied));
    assert_eq!(errors(&copied), "");
    assert_eq!(read(&place.there("tree/below/three.txt")), "three");

    std::fs::write(place.there("four.txt"), "four").unwrap();
    let from = |more: &[&str]| place.run(&[&["Copy-Item", "-FromSession", "files"], more].concat());
    let fetched = from(&["-Path", "User:/four.txt"]);
    assert_eq!(fetched.status.code(), Some(0), "{}", errors(&fetched));
    assert_eq!(read(&place.here("four.txt")), "four");
    let fetched = from(&["User:/tree", "-Destination", "back", "-Recurse"]);
    assert_eq!(fetched.status.code(), Some(0), "{}", errors(&fetched));
    assert_eq!(read(&place.here("back/below/three.txt")), "three");

    for (failed, status, said) in [
        (to(&["-Path", "missing.txt"]), 1, "missing.txt"),
        (from(&["User:/missing.txt"]), 1, "there is no file"),
        (to(&["tree", "-Recurse"]), 1, "tree' is there already; force (-Force) copies into it"),
        (
            from(&["User:/tree", "-Destination", ".", "-Recurse"]),
            1,
            "is there already; force (-Force) copies",
        ),
        (from(&["/etc/passwd"]), 1, "User:"),
        (from(&["User:/four.txt", "-Destination", "no/such/file"]), 1, "no/such' on this side"),
        (place.run(&["Copy-Item", "-ToSession", "files", "one.txt"]), 2, "-Destination is missing"),
        (place.run(&["Copy-Item", "one.txt", "-Destination", "five.txt"]), 2, "-ToSession or -FromSession"),
        (to(&["one.txt", "-Credential", "alice"]), 2, "-Credential cannot be used"),
        (to(&["one.txt", "-FromSession", "files"]), 2, "cannot be used together"),
        (place.run(&["Copy-Item", "-ToSession", "nobody", "one.txt", "-Destination", "x"]), 2, "nobody"),
    ] {
        assert!(errors(&failed).contains(said), "{said}: {}", errors(&failed));
        assert_eq!(failed.status.code(), Some(status), "{said}");
    }
    assert!(!place.here("five.txt").exists());
}

#[test]
fn names_choose_what_is_copied() {
    let place = Place::new("names");
    for name in ["a.txt", "b.log", "tree/c.txt", "tree/d.log", "tree/below/e.txt", "tree/below/f.log"] {
        std::fs::create_dir_all(place.here(name).parent().unwrap()).unwrap();
        std::fs::write(place.here(name), name).unwrap();
    }
    let opened = place.run(&["New-PSSession", "srv1", "-Name", "files", "-Credential", "alice"]);
    assert_eq!(opened.status.code(), Some(0), "{}", errors(&opened));
    for (number, (chosen, expected)) in [
        (&["*", "-Include", "*.txt"][..], &["a.txt"][..]),
        (&["*", "-Exclude", "*.LOG", "-Recurse"], &["a.txt", "tree/below/e.txt", "tree/c.txt"]),
        (&["*", "-Filter", "*.log", "-Recurse"], &["b.log"]),
        (&["tree/*", "-Filter", "*.*"], &["c.txt", "d.log"]),
        // The directory itself has no such name, so nothing of it is copied.
        (&["tree", "-Include", "*.txt", "-Recurse"], &[]),
        (&["tree", "-Filter", "*.txt", "-Recurse"], &["tree/below/e.txt", "tree/c.txt"]),
        (&["tree", "-Exclude", "d*,e*", "-Recurse"], &["tree/below/f.log", "tree/c.txt"]),
        (&["-LiteralPath", "a.txt", "-Include", "*.log"], &["a.txt"]),
    ]
    .into_iter()
    .enumerate()
    {
        let there = format!("to{number}");
        std::fs::create_dir(place.there(&there)).unwrap();
        let destination = format!("User:/{there}");
        let to = ["Copy-Item", "-ToSession", "files", "-Destination", &destination];
        let copied = place.run(&[&to, chosen].concat());
        assert_eq!(copied.status.code(), Some(0), "{chosen:?}: {}", errors(&copied));
        assert_eq!(files(&place.there(&there)), expected, "to the session: {chosen:?}");
    }
    // What was copied with everything comes back by the same rules.
    let all = place.run(&["Copy-Item", "-ToSession", "files", "-Destination", "User:", "-Recurse", "tree"]);
    assert_eq!(all.status.code(), Some(0), "{}", errors(&all));
    for (number, (chosen, expected)) in [
        (&["User:/tree/*", "-Include", "*.txt"][..], &["c.txt"][..]),
        (&["User:/tree", "-Exclude", "*.txt", "-Recurse"], &["tree/below/f.log", "tree/d.log"]),
        (&["User:/tree", "-Filter", "e*", "-Recurse"], &["tree/below/e.txt"]),
    ]
    .into_iter()
    .enumerate()
    {
        let back = format!("back{number}");
        std::fs::create_dir(place.here(&back)).unwrap();
        let from = ["Copy-Item", "-FromSession", "files", "-Destination", &back];
        let copied = place.run(&[&from, chosen].concat());
        assert_eq!(copied.status.code(), Some(0), "{chosen:?}: {}", errors(&copied));
        assert_eq!(files(&place.here(&back)), expected, "from the session: {chosen:?}");
    }
}

#[test]
fn a_tree_is_flattened() {
    let place = Place::new("flat");
    for name in ["tree/x.txt", "tree/a/x.txt", "tree/a/deep/y.txt", "tree/b/x.txt", "tree/b/z.log"] {
        std::fs::create_dir_all(place.here(name).parent().unwrap()).unwrap();
        std::fs::write(place.here(name), name).unwrap();
    }
    let opened = place.run(&["New-PSSession", "srv1", "-Name", "files", "-Credential", "alice"]);
    assert_eq!(opened.status.code(), Some(0), "{}", errors(&opened));
    let run = |way: &str, destination: &str, more: &[&str]| {
        let base = ["Copy-Item", way, "files", "-Destination", destination, "-Container:$false"];
        place.run(&[&base, more].concat())
    };
    std::fs::create_dir(place.there("all")).unwrap();
    let copied = run("-ToSession", "User:/all", &["tree", "-Recurse"]);
    assert_eq!(copied.status.code(), Some(0), "{}", errors(&copied));
    assert_eq!(files(&place.there("all")), ["x.txt", "y.txt", "z.log"]);
    // Of three the one that was found last.
    assert_eq!(read(&place.there("all/x.txt")), "tree/b/x.txt");
    std::fs::create_dir(place.there("some")).unwrap();
    let copied = run("-ToSession", "User:/some", &["tree/*", "-Filter", "*.txt", "-Recurse"]);
    assert_eq!(copied.status.code(), Some(0), "{}", errors(&copied));
    assert_eq!(files(&place.there("some")), ["x.txt"]);
    let copied =
        place.run(&["Copy-Item", "-ToSession", "files", "tree", "-Destination", "User:", "-Recurse"]);
    assert_eq!(copied.status.code(), Some(0), "{}", errors(&copied));
    std::fs::create_dir(place.here("back")).unwrap();
    let copied = run("-FromSession", "back", &["User:/tree", "-Recurse"]);
    assert_eq!(copied.status.code(), Some(0), "{}", errors(&copied));
    assert_eq!(files(&place.here("back")), ["x.txt", "y.txt", "z.log"]);
    assert_eq!(read(&place.here("back/x.txt")), "tree/b/x.txt");

    for (failed, said) in [
        (run("-ToSession", "User:/all", &["tree"]), "-Recurse copies what is in it"),
        (run("-FromSession", "back", &["User:/tree"]), "-Recurse copies what is in it"),
        (run("-ToSession", "User:/none", &["tree", "-Recurse"]), "there is no directory 'User:/none'"),
        (run("-FromSession", "none", &["User:/tree", "-Recurse"]), "there is no directory"),
    ] {
        assert!(errors(&failed).contains(said), "{said}: {}", errors(&failed));
        assert_eq!(failed.status.code(), Some(1), "{said}");
    }
}

/// The files below a folder, by their paths in it.
fn files(folder: &Path) -> Vec<String> {
    let (mut found, mut waiting) = (Vec::new(), vec![folder.to_owned()]);
    while let Some(here) = waiting.pop() {
        for child in std::fs::read_dir(here).unwrap() {
            let path = child.unwrap().path();
            match path.is_dir() {
                true => waiting.push(path),
                false => found.push(path.strip_prefix(folder).unwrap().display().to_string()),
            }
        }
    }
    found.sort();
    found
}

#[test]
fn a_directory_that_is_not_there_cannot_be_served() {
    let failed = support::windlass("", &["mock", "--files", "/no/such/directory"]);
    assert_ne!(failed.status.code(), Some(0));
    assert!(errors(&failed).contains("/no/such/directory"), "{}", errors(&failed));
}
