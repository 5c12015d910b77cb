//! Serves until its standard input closes: `serve USER PASSWORD [CERTIFICATE] [--allow-exec]`.
//!
//! Prints one line of JSON when it is ready, and the statistics when it ends.

use std::io::Write;

use windlass_mock::MockHost;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut words: Vec<String> = std::env::args().skip(1).collect();
    let exec = words.iter().position(|word| word == "--allow-exec").map(|place| words.remove(place));
    let mut words = words.into_iter();
    let user = words.next().ok_or("the user's name is missing")?;
    let password = words.next().ok_or("the password is missing")?;
    let mut builder = MockHost::builder()
        .user(&user, password)
        .allow_exec(exec.is_some())
        .http("127.0.0.1:0")
        .https("127.0.0.1:0");
    if let Some(path) = words.next() {
        builder = builder.certificate_path(path);
    }
    let host = builder.start().await?;
    let ready = serde_json::json!({
        "event": "ready",
        "http": host.http_addr().map(|address| address.to_string()),
        "https": host.https_addr().map(|address| address.to_string()),
        "certificate": host.certificate_path(),
    });
    let mut out = std::io::stdout();
    writeln!(out, "{ready}")?;
    out.flush()?;
    // A thread of its own may wait for the standard input; the host does not.
    tokio::task::spawn_blocking(|| std::io::copy(&mut std::io::stdin(), &mut std::io::sink())).await??;
    let statistics = serde_json::json!({ "event": "stopped", "statistics": host.statistics() });
    writeln!(out, "{statistics}")?;
    host.shutdown().await;
    Ok(())
}
