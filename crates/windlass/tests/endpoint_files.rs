//! Which files of the host the commands of an endpoint read.
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

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use support::{host, over_http};
use windlass::{PowerShell, PsSession};
use windlass_mock::MockHostBuilder;

/// A directory with a file for clients, beside a file that is not theirs and one that everybody may read.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        let path = std::env::temp_dir().join(format!("windlass-files-{}", uuid::Uuid::new_v4()));
        std::fs::create_dir_all(path.join("shared/inner")).unwrap();
        let path = path.canonicalize().unwrap();
        std::fs::write(path.join("secret"), "secret\n").unwrap();
        std::fs::set_permissions(path.join("secret"), Permissions::from_mode(0o600)).unwrap();
        std::fs::write(path.join("public"), "public\n").unwrap();
        std::fs::set_permissions(path.join("public"), Permissions::from_mode(0o644)).unwrap();
        std::fs::write(path.join("shared/inner/a.txt"), "first\nsecond\n").unwrap();
        std::os::unix::fs::symlink("../secret", path.join("shared/link")).unwrap();
        Self(path)
    }

    fn path(&self, name: &str) -> String {
        self.0.join(name).display().to_string()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).unwrap();
    }
}

/// What each command gives on the host: the number of objects, and the first error.
async fn outcomes(builder: MockHostBuilder, commands: &[PowerShell]) -> Vec<(usize, String)> {
    let host = builder.start().await.unwrap();
    let session = PsSession::builder("").target(over_http(&host)).connect().await.unwrap();
    let mut outcomes = Vec::new();
    for command in commands {
        let result = session.invoke(command.clone()).collect().await.unwrap();
        let error = result.errors.first().map(ToString::to_string).unwrap_or_default();
        outcomes.push((result.output.len(), error));
    }
    session.close().await.unwrap();
    host.shutdown().await;
    outcomes
}

fn reading(command: &str, path: String) -> PowerShell {
    PowerShell::new().command(command).parameter("LiteralPath", path)
}

#[tokio::test(flavor = "multi_thread")]
async fn without_permission_to_run_programs_private_files_are_not_read() {
    let folder = Folder::new();
    let mut private = vec![
        reading("Get-Content", folder.path("secret")),
        PowerShell::new().command("Get-Content").parameter("Path", folder.path("s*t")),
        // Where no file is, but something that may never end.
        reading("Get-Content", "/dev/zero".to_owned()),
    ];
    if cfg!(target_os = "linux") {
        // Its permissions let everybody read it, but the system lets only the process itself.
        private.push(reading("Get-Content", "/proc/self/maps".to_owned()));
    }
    let open = [
        reading("Get-Content", folder.path("public")),
        reading("Get-Item", folder.path("public")),
        reading("Get-ChildItem", folder.path("")),
    ];
    let sharing = || host().files(folder.path("shared")).unwrap();
    let builders: [&dyn Fn() -> MockHostBuilder; 2] = [&host, &sharing];
    for builder in builders {
        for (output, error) in outcomes(builder(), &private).await {
            assert!(output == 0 && error.contains("is denied"), "{output}: {error}");
        }
        let expected = [1, 1, 3].map(|count| (count, String::new()));
        assert_eq!(outcomes(builder(), &open).await, expected);
    }
    let through_links: Vec<PowerShell> = vec![
        reading("Get-Content", folder.path("shared/link")),
        reading("Get-Content", "User:/link".to_owned()),
        reading("Get-Content", "User:/../secret".to_owned()),
    ];
    for (output, error) in outcomes(sharing(), &through_links).await {
        assert!(output == 0 && !error.is_empty(), "{output}: {error}");
    }
    let own: Vec<PowerShell> = vec![
        reading("Get-Content", r"User:\inner\a.txt".to_owned()),
        reading("Get-Content", folder.path("shared/inner/a.txt")),
        PowerShell::new().command("Get-Content").parameter("Path", "User:/*/a.*"),
        PowerShell::new().command("Get-ChildItem").parameter("Path", "User:").parameter("Recurse", true),
        PowerShell::new().command("Get-ChildItem"),
        reading("Get-Item", "User:/inner".to_owned()),
    ];
    let counts: Vec<_> = outcomes(sharing(), &own).await;
    let expected = [2, 2, 2, 3, 2, 1].map(|count| (count, String::new()));
    assert_eq!(counts, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn with_that_permission_every_file_is_read() {
    let folder = Folder::new();
    let commands =
        [reading("Get-Content", folder.path("secret")), reading("Get-Item", folder.path("secret"))];
    let expected = [1, 1].map(|count| (count, String::new()));
    assert_eq!(outcomes(host().allow_exec(true), &commands).await, expected);
    let endless = [reading("Get-Content", "/dev/zero".to_owned())];
    let (output, error) = outcomes(host().allow_exec(true), &endless).await.remove(0);
    assert!(output == 0 && error.contains("is denied"), "{output}: {error}");
}
