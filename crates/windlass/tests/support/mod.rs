//! The embedded host as a test's other side.

pub mod wicked;

use std::time::Duration;

use windlass::{Authentication, CimSession, CimSessionBuilder, Credential, Protocol, Target};
use windlass_mock::{MockHost, MockHostBuilder, Statistics};

pub const USER: &str = "alice";
pub const PASSWORD: &str = "correct horse";

/// A host on loopback with one user, before it is started.
pub fn host() -> MockHostBuilder {
    MockHost::builder().user(USER, PASSWORD.to_owned()).http("127.0.0.1:0").https("127.0.0.1:0")
}

pub fn credential(password: &str) -> Credential {
    Credential::password(USER, password.to_owned())
}

/// NTLM, sealed, over plain HTTP.
pub fn over_http(host: &MockHost) -> Target {
    let mut target = Target::computer("localhost");
    target
        .set_port(host.http_addr().unwrap().port())
        .set_authentication(Authentication::Ntlm)
        .set_credential(credential(PASSWORD));
    target
}

/// Basic over TLS, with the host's own certificate as the root.
pub fn over_https(host: &MockHost) -> Target {
    let mut target = Target::computer("localhost");
    target
        .set_port(host.https_addr().unwrap().port())
        .set_use_ssl(true)
        .set_authentication(Authentication::Basic)
        .set_credential(credential(PASSWORD))
        .set_skip_ca_check(true);
    target
}

/// A CIM session over DCOM, sealed by NTLM, before it is opened.
pub fn over_dcom(host: &MockHost) -> CimSessionBuilder {
    CimSession::builder("127.0.0.1")
        .port(host.rpc_addr().unwrap().port())
        .credential(credential(PASSWORD))
        .authentication(Authentication::Ntlm)
        .protocol(Protocol::Dcom)
}

/// Waits until nothing is open on the host, and fails if that takes too long.
pub async fn nothing_left(host: &MockHost) {
    let is_clean = |left: &Statistics| {
        left.open_shells == 0
            && left.open_commands == 0
            && left.open_enumerations == 0
            && left.open_subscriptions == 0
            && left.open_objects == 0
            && left.open_sinks == 0
            && left.connections == 0
    };
    let waited = tokio::time::timeout(Duration::from_secs(10), host.wait_until(is_clean));
    if waited.await.is_err() {
        panic!("left open: {:?}", host.statistics());
    }
}
