//! Files to and from the embedded host: each way, directories, resuming, and hosts that mean ill.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    unreachable_pub,
    dead_code,
    reason = "test code"
)]

mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use support::{host, nothing_left, over_http};
use windlass::clixml::{PsDateTime, PsValue};
use windlass::{CopyEvent, CopyOptions, CopyWay, ErrorKind, PsSession};
use windlass_mock::powershell::{CommandInfo, function};
use windlass_mock::{MockHost, MockHostBuilder, Scenario};

/// A folder that goes with its owner.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        let path = std::env::temp_dir().join(format!("windlass-copy-{}", uuid::Uuid::new_v4()));
        fs::create_dir(&path).unwrap();
        Self(path.canonicalize().unwrap())
    }

    fn write(&self, name: &str, length: usize) -> PathBuf {
        let path = self.0.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content(length)).unwrap();
        fs::File::options().write(true).open(&path).unwrap().set_modified(long_ago()).unwrap();
        path
    }

    /// The names of the files that are in it, with their lengths.
    fn files(&self) -> Vec<(String, u64)> {
        let (mut found, mut waiting) = (Vec::new(), vec![self.0.clone()]);
        while let Some(here) = waiting.pop() {
            for child in fs::read_dir(here).unwrap().map(|child| child.unwrap()) {
                if child.file_type().unwrap().is_dir() {
                    waiting.push(child.path());
                } else {
                    let name = child.path().strip_prefix(&self.0).unwrap().display().to_string();
                    found.push((name, child.metadata().unwrap().len()));
                }
            }
        }
        found.sort();
        found
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).unwrap();
    }
}

fn content(length: usize) -> Vec<u8> {
    (0..length).map(|place| u8::try_from((place * 31 + place / 251) % 256).unwrap()).collect()
}

fn long_ago() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_millis(1_000_000_000_500)
}

async fn open(host: &MockHost) -> PsSession {
    PsSession::builder("").target(over_http(host)).runspaces(1, 4).connect().await.unwrap()
}

/// A host that offers one way of copying to this folder.
fn offering(way: Option<CopyWay>, folder: &Folder) -> MockHostBuilder {
    let full = r#"{"scripts": [{"script": "$ExecutionContext.SessionState.LanguageMode", "output": ["FullLanguage"]}]}"#;
    let files = host().files(&folder.0).unwrap();
    match way {
        Some(CopyWay::Command) => files,
        Some(CopyWay::Helpers) => files.only_commands(|name| name != "Invoke-FileStream"),
        Some(_) => files.only_commands(|name| name == "Get-Command").scenario(Scenario::parse(full).unwrap()),
        None => files.only_commands(|name| name == "Get-Command"),
    }
}

const WAYS: [CopyWay; 3] = [CopyWay::Command, CopyWay::Script, CopyWay::Helpers];

#[tokio::test(flavor = "multi_thread")]
async fn files_go_there_and_come_back_in_every_way() {
    for way in WAYS {
        let (here, there) = (Folder::new(), Folder::new());
        let host = offering(Some(way), &there).start().await.unwrap();
        let session = open(&host).await;
        // The last is more than one call of a helper takes.
        let last = if way == CopyWay::Helpers { 4_194_305 } else { 1_200_000 };
        let lengths = [0, 1, 65_536, last];
        let sources: Vec<PathBuf> =
            lengths.iter().map(|length| here.write(&format!("{length}.bin"), *length)).collect();
        let report = session.copy_to(&sources, "User:", &CopyOptions::default()).await.unwrap();
        assert!(report.failures.is_empty(), "{way:?}: {:?}", report.failures);
        assert_eq!((report.way, report.items.len()), (way, lengths.len()));
        assert!(report.items.iter().all(|item| item.sha256.is_some() == (way != CopyWay::Helpers)));

        let back = Folder::new();
        let report =
            session.copy_from(&["User:\\*.bin".into()], &back.0, &CopyOptions::default()).await.unwrap();
        assert!(report.failures.is_empty(), "{way:?}: {:?}", report.failures);
        for length in lengths {
            let name = format!("{length}.bin");
            for folder in [&there, &back] {
                let path = folder.0.join(&name);
                assert!(fs::read(&path).unwrap() == content(length), "{way:?}: {name}");
                assert_eq!(path.metadata().unwrap().modified().unwrap(), long_ago());
            }
        }
        assert_eq!(there.files().len(), lengths.len());
        session.close().await.unwrap();
        nothing_left(&host).await;
        host.shutdown().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn letters_of_patterns_in_names_are_letters() {
    for way in WAYS {
        let (here, there) = (Folder::new(), Folder::new());
        fs::create_dir(there.0.join("d[1]")).unwrap();
        let host = offering(Some(way), &there).start().await.unwrap();
        let session = open(&host).await;
        let source = here.write("a[1].txt", 10);
        let report = session.copy_to(&[source], r"User:\d[1]", &CopyOptions::default()).await.unwrap();
        assert!(report.failures.is_empty(), "{way:?}: {:?}", report.failures);
        assert_eq!(there.files(), [("d[1]/a[1].txt".to_owned(), 10)], "{way:?}");

        let back = Folder::new();
        let literal = "User:\\d`[1`]\\a`[1`].txt".to_owned();
        let report = session.copy_from(&[literal], &back.0, &CopyOptions::default()).await.unwrap();
        assert!(report.failures.is_empty(), "{way:?}: {:?}", report.failures);
        assert_eq!(back.files(), [("a[1].txt".to_owned(), 10)], "{way:?}");
        session.close().await.unwrap();
        host.shutdown().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn directories_go_with_what_is_in_them() {
    for way in WAYS {
        let (here, there) = (Folder::new(), Folder::new());
        let host = offering(Some(way), &there).start().await.unwrap();
        let session = open(&host).await;
        for name in ["tree/a.txt", "tree/b/c.txt", "tree/b/d/e.txt", "tree/f.txt", "tree/g.txt"] {
            here.write(name, name.len());
        }
        fs::create_dir(here.0.join("tree/empty")).unwrap();
        let mut options = CopyOptions::default();
        let tree = [here.0.join("tree")];
        // Alone it is made, and nothing in it.
        session.copy_to(&tree, "User:/alone", &options).await.unwrap();
        assert!(there.0.join("alone").is_dir() && there.files().is_empty());
        options.recurse = true;
        for destination in ["User:/new", "User:/alone"] {
            let report = session.copy_to(&tree, destination, &options).await.unwrap();
            assert!(report.failures.is_empty(), "{way:?}: {:?}", report.failures);
            assert_eq!(report.items.iter().filter(|item| item.is_directory).count(), 4);
        }
        assert!(there.0.join("new/b/d/e.txt").is_file() && there.0.join("alone/tree/b/d/e.txt").is_file());
        assert!(there.0.join("new/empty").is_dir());
        let again = session.copy_to(&tree, "User:/alone", &options).await.unwrap();
        assert_eq!(again.failures.len(), 1, "{:?}", again.failures);
        options.force = true;
        assert!(session.copy_to(&tree, "User:/alone", &options).await.unwrap().failures.is_empty());

        let back = Folder::new();
        let report = session.copy_from(&["User:/new".into()], &back.0, &options).await.unwrap();
        assert!(report.failures.is_empty(), "{way:?}: {:?}", report.failures);
        assert_eq!(back.files().len(), 5);
        assert!(back.0.join("new/empty").is_dir());
        session.close().await.unwrap();
        nothing_left(&host).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_that_offers_nothing_is_told_of() {
    let (here, there) = (Folder::new(), Folder::new());
    let host = offering(None, &there).start().await.unwrap();
    let session = open(&host).await;
    let source = here.write("x", 1);
    let error = session.copy_to(&[source], "User:", &CopyOptions::default()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Remote);
    assert!(error.to_string().contains("PSCopyToSessionHelper"), "{error}");
    session.close().await.unwrap();
    nothing_left(&host).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_copied_does_not_keep_the_rest_back() {
    let (here, there) = (Folder::new(), Folder::new());
    let host = offering(Some(CopyWay::Command), &there).start().await.unwrap();
    let session = open(&host).await;
    let good = here.write("good", 5);
    let options = CopyOptions::default();
    let report = session.copy_to(&[here.0.join("missing"), good.clone()], "User:", &options).await.unwrap();
    assert_eq!((report.items.len(), report.failures.len()), (1, 1));
    assert!(report.failures[0].1.to_string().contains("missing"), "{:?}", report.failures);
    for outside in ["/etc/x", "User:/../x", "C:\\x"] {
        let error = session.copy_to(std::slice::from_ref(&good), outside, &options).await.unwrap_err();
        assert!(error.to_string().contains("User:"), "{error}");
    }
    std::os::unix::fs::symlink("/etc", there.0.join("way-out")).unwrap();
    let report = session.copy_to(std::slice::from_ref(&good), "User:/way-out/x", &options).await.unwrap();
    assert_eq!(report.failures.len(), 1);
    let report = session.copy_from(&["User:/way-out/passwd".into()], &here.0, &options).await.unwrap();
    assert_eq!((report.items.len(), report.failures.len()), (0, 1));
    fs::remove_file(there.0.join("way-out")).unwrap();

    // A file that may not be written to is replaced only by force.
    let mut permissions = there.0.join("good").metadata().unwrap().permissions();
    permissions.set_readonly(true);
    fs::set_permissions(there.0.join("good"), permissions).unwrap();
    let report = session.copy_to(std::slice::from_ref(&good), "User:", &options).await.unwrap();
    assert_eq!(report.failures.len(), 1);
    let mut force = CopyOptions::default();
    force.force = true;
    assert!(session.copy_to(&[good], "User:", &force).await.unwrap().failures.is_empty());
    session.close().await.unwrap();
    nothing_left(&host).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_goes_on_where_the_connection_broke() {
    let (here, there, back) = (Folder::new(), Folder::new(), Folder::new());
    let source = here.write("large", 3_000_000);
    let cut = |message: &str| offering(Some(CopyWay::Command), &there).trouble(message.parse().unwrap());
    // To the session.
    let host = cut("cut@Send#8").start().await.unwrap();
    let session = open(&host).await;
    let sources = [source.clone()];
    let error = session.copy_to(&sources, "User:", &CopyOptions::default()).await.unwrap_err();
    assert!(error.is_network_failure(), "{error}");
    drop(session);
    let session = open(&host).await;
    let report = session.copy_to(&sources, "User:", &CopyOptions::default()).await.unwrap();
    assert!(report.items[0].resumed_at > 500_000, "{:?}", report.items);
    assert_eq!(there.files(), [("large".to_owned(), 3_000_000)]);
    assert!(fs::read(there.0.join("large")).unwrap() == content(3_000_000));
    session.close().await.unwrap();
    nothing_left(&host).await;
    host.shutdown().await;

    // From the session: the caller loses interest, as if it had been killed.
    let host = offering(Some(CopyWay::Command), &there).start().await.unwrap();
    let session = open(&host).await;
    let begun = Arc::new(tokio::sync::Notify::new());
    let mut options = CopyOptions::default();
    let noticed = Arc::clone(&begun);
    options.on_event = Some(Arc::new(move |event| {
        if matches!(event, CopyEvent::Moved { bytes, .. } if bytes > 1_500_000) {
            noticed.notify_one();
        }
    }));
    let large = ["User:/large".to_owned()];
    tokio::select! {
        report = session.copy_from(&large, &back.0, &options) => panic!("{report:?}"),
        () = begun.notified() => {}
    }
    // What was on its way is written before the file is asked after.
    let report = loop {
        let report = session.copy_from(&large, &back.0, &CopyOptions::default()).await.unwrap();
        if report.failures.is_empty() {
            break report;
        }
    };
    assert!(report.items[0].resumed_at > 500_000, "{:?}", report.items);
    assert!(fs::read(back.0.join("large")).unwrap() == content(3_000_000));
    assert_eq!(back.files().len(), 1);
    session.close().await.unwrap();
    nothing_left(&host).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_shrinks_while_it_is_copied_is_not_put_in_place() {
    let (here, there) = (Folder::new(), Folder::new());
    let host = offering(Some(CopyWay::Command), &there).start().await.unwrap();
    let session = open(&host).await;
    let source = here.0.join("shrinks");
    fs::File::create(&source).unwrap().set_len(80 << 20).unwrap();
    let shrinking = source.clone();
    let mut options = CopyOptions::default();
    options.on_event = Some(Arc::new(move |event| {
        if matches!(event, CopyEvent::Moved { .. }) {
            fs::File::options().write(true).open(&shrinking).unwrap().set_len(0).unwrap();
        }
    }));
    let report = session.copy_to(&[source], "User:", &options).await.unwrap();
    assert!(report.failures[0].1.to_string().contains("became shorter"), "{:?}", report.failures);
    assert!(!there.0.join("shrinks").exists());
    session.close().await.unwrap();
    nothing_left(&host).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn hosts_that_mean_ill_leave_nothing_behind() {
    let describe = |name: &'static str, length: i64| {
        move |is_directory: bool| {
            PsValue::dictionary([
                ("Name", PsValue::from(name)),
                ("FullName", "/there/x".into()),
                ("IsDirectory", is_directory.into()),
                ("Length", length.into()),
                ("LastWriteTimeUtc", PsDateTime::from_unix(0, 0).into()),
            ])
        }
    };
    // What it is called, how long it is said to be, how much comes, its hash, and what is said of it.
    type Case = (&'static str, i64, usize, &'static str, &'static str);
    let cases: [Case; 7] = [
        ("x", 10, 10, "00", "did not arrive as it is there"),
        ("x", 10, 11, "", "more than the 10 bytes"),
        ("x", 10, 9, "", "ended 1 bytes before its length"),
        ("../x", 10, 10, "", "outside the destination"),
        ("/etc/x", 10, 10, "", "outside the destination"),
        ("..", 10, 10, "", "outside the destination"),
        ("a\\b", 10, 10, "", "outside the destination"),
    ];
    for (name, length, comes, hash, expected) in cases {
        let describe = describe(name, length);
        let info = CommandInfo::new(
            "Invoke-FileStream",
            &[
                "-Describe <string>",
                "-List <string>",
                "-Hash <string> -Length <long>",
                "-Send <string> [-Offset <long>] [-Count <long>]",
            ],
        );
        let liar = function(info.unwrap(), move |call, cx, _| {
            if call.has("Send") {
                cx.write(PsValue::bytes(vec![7; comes]))?;
                return cx.write(PsValue::dictionary([("Length", PsValue::from(length))]));
            }
            if call.has("Hash") {
                return cx.write(PsValue::dictionary([
                    ("Length", PsValue::from(length)),
                    ("Sha256", hash.into()),
                ]));
            }
            // A directory on top, whose one child has the name.
            match call.has("Describe") {
                true => {
                    let top = describe(true);
                    let entries = top.entries().unwrap().iter().cloned();
                    let named = entries.map(|(key, value)| match key.as_str() {
                        Some("Name") => (key, "top".into()),
                        _ => (key, value),
                    });
                    cx.write(PsValue::dictionary(named))
                }
                false => cx.write(describe(false)),
            }
        });
        let host = host().command(liar).start().await.unwrap();
        let session = open(&host).await;
        let here = Folder::new();
        let inner = here.0.join("inner");
        fs::create_dir(&inner).unwrap();
        let mut options = CopyOptions::default();
        options.recurse = true;
        let report = session.copy_from(&["x".into()], &inner, &options).await.unwrap();
        let said = report.failures.first().map(|(_, error)| error.to_string()).unwrap_or_default();
        assert!(said.contains(expected), "{name}: {said}");
        assert!(here.files().iter().all(|(file, _)| file.ends_with(".part")), "{:?}", here.files());
        session.close().await.unwrap();
        nothing_left(&host).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn progress_tells_every_file() {
    let (here, there) = (Folder::new(), Folder::new());
    let host = offering(Some(CopyWay::Command), &there).start().await.unwrap();
    let session = open(&host).await;
    let told: Arc<Mutex<Vec<CopyEvent>>> = Arc::default();
    let mut options = CopyOptions::default();
    let listener = Arc::clone(&told);
    options.on_event = Some(Arc::new(move |event| listener.lock().unwrap().push(event)));
    let sources: Vec<PathBuf> = ["a", "b", "c"].iter().map(|name| here.write(name, 200_000)).collect();
    session.copy_to(&sources, "User:", &options).await.unwrap();
    for source in &sources {
        let of = |event: &CopyEvent| match event {
            CopyEvent::Started { source: about, length, .. } => {
                (Path::new(about) == source).then_some(('s', *length))
            }
            CopyEvent::Moved { source: about, bytes, .. } => {
                (Path::new(about) == source).then_some(('m', *bytes))
            }
            CopyEvent::Finished(item) => (Path::new(&item.source) == source).then_some(('f', item.length)),
            _ => None,
        };
        let of_it: Vec<_> = told.lock().unwrap().iter().filter_map(of).collect();
        assert_eq!(
            of_it,
            [('s', 200_000), ('m', 65_536), ('m', 131_072), ('m', 196_608), ('m', 200_000), ('f', 200_000)]
        );
    }
    session.close().await.unwrap();
    nothing_left(&host).await;
}
