//! The layers, from the name to the endpoint.

use std::time::Duration;

use anyhow::Result;
use windlass::net::Sight;
use windlass::{
    Authentication, CimSession, Enumeration, ErrorKind, MissingTicket, Protocol, PsSession, Target, greet,
    greet_resolver, identify, inspect_tls,
};

use super::{Doctor, Report, Verdict};
use crate::exit::Exit;
use crate::runspace::Local;

/// How long a connection may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// How far two clocks may be apart for Kerberos ([RFC 4120] 5.9.1 leaves it to the KDC: Windows allows this).
const SKEW: i64 = 300;

/// The computer, and the way to it.
pub(super) struct Patient<'d> {
    pub(super) doctor: &'d Doctor,
    pub(super) local: &'d Local,
    pub(super) target: Target,
}

impl Patient<'_> {
    /// Tries the layers of WS-Management; `false` where one failed that the next ones stand on.
    pub(super) async fn walk(&self, report: &mut Report) -> Result<bool> {
        if !self.name(report).await? || !self.connection(report).await? {
            return Ok(false);
        }
        if !self.tls(report).await? || !self.http(report).await? || !self.service(report).await? {
            return Ok(false);
        }
        if !self.local.logs_on() {
            let skipped = Verdict::Skipped("nobody is to log on: -Credential names a user".to_owned());
            return report.tell("logon", &skipped, "");
        }
        if !self.logon(report).await? {
            return Ok(false);
        }
        // What stands beside each other is tried, whatever came of the one before.
        let endpoint = self.endpoint(report).await?;
        let quota = self.quota(report).await?;
        Ok(self.cim(report).await? && endpoint && quota)
    }

    async fn name(&self, report: &mut Report) -> Result<bool> {
        let (computer, port) = (&self.doctor.computer, self.doctor.way.port());
        let verdict = match self.local.defaults.names.lookup(computer, port) {
            Some(address) => Verdict::Passed(format!("{} (--resolve)", address.ip())),
            None => match tokio::net::lookup_host((computer.as_str(), port)).await {
                Ok(addresses) => {
                    let listed: Vec<String> = addresses.map(|address| address.ip().to_string()).collect();
                    Verdict::Passed(listed.join(", "))
                }
                Err(error) => report.fails(Exit::NOT_CONNECTED, error.to_string()),
            },
        };
        let remedy = "check the name and the DNS server, or say where it is with --resolve NAME=ADDRESS";
        report.tell("name", &verdict, remedy)
    }

    async fn connection(&self, report: &mut Report) -> Result<bool> {
        let (computer, port) = (&self.doctor.computer, self.doctor.way.port());
        let verdict = match self.dialled(port, self.local.defaults.names.lookup(computer, port)).await {
            Ok(peer) => Verdict::Passed(peer),
            Err(reason) => report.fails(Exit::NOT_CONNECTED, reason),
        };
        let remedy =
            "is the computer up, WinRM enabled (winrm quickconfig) and the port open in its firewall?";
        report.tell("connection", &verdict, remedy)
    }

    /// Connects over TCP; where to.
    async fn dialled(&self, port: u16, address: Option<std::net::SocketAddr>) -> Result<String, String> {
        let connecting = async {
            match address {
                Some(address) => tokio::net::TcpStream::connect(address).await,
                None => tokio::net::TcpStream::connect((self.doctor.computer.as_str(), port)).await,
            }
        };
        match tokio::time::timeout(PATIENCE, connecting).await {
            Ok(Ok(stream)) => {
                Ok(stream.peer_addr().map_or_else(|_| port.to_string(), |peer| peer.to_string()))
            }
            Ok(Err(error)) => Err(error.to_string()),
            Err(_) => Err(format!("no answer within {} seconds", PATIENCE.as_secs())),
        }
    }

    /// The handshake, and each check of the certificate by itself.
    async fn tls(&self, report: &mut Report) -> Result<bool> {
        let seen = match inspect_tls(&self.target).await {
            Ok(None) => return Ok(true),
            Ok(Some(seen)) => seen,
            Err(error) => {
                let verdict = report.failed(&error);
                let remedy = "is it the port of HTTPS, and does the service speak TLS 1.2 or 1.3?";
                return report.tell("TLS", &verdict, remedy);
            }
        };
        report.tell("TLS", &Verdict::Passed(seen.version), "")?;
        let mut sound = true;
        let lines: [(&str, Sight, &str); 4] = [
            ("TLS chain", seen.chain, "trust the authority with --ca-file, or anybody with --skip-ca-check"),
            (
                "TLS name",
                seen.name,
                "call the computer as its certificate does, give it a certificate for this name, or use \
                 --skip-cn-check",
            ),
            (
                "TLS expiry",
                seen.period,
                "give the service a certificate that is in force, and check both clocks",
            ),
            (
                "channel binding",
                seen.binding.map(|kind| format!("logons are bound to the certificate ({kind})")),
                "a service that insists on bindings refuses the logon: give it a certificate with a usual \
                 signature, such as RSA or ECDSA with SHA-256",
            ),
        ];
        for (layer, sight, remedy) in lines {
            let verdict = match sight {
                Ok(detail) => Verdict::Passed(detail),
                Err(reason) => report.fails(Exit::NOT_CONNECTED, reason),
            };
            sound &= report.tell(layer, &verdict, remedy)?;
        }
        Ok(sound)
    }

    /// The answer to a stranger: HTTP, the mechanisms, the clock.
    async fn http(&self, report: &mut Report) -> Result<bool> {
        let greeting = match greet(&self.target).await {
            Ok(Some(greeting)) => greeting,
            Ok(None) => {
                let reason = "the service hangs up on requests without a logon".to_owned();
                report.tell("HTTP", &Verdict::Skipped(reason), "")?;
                for layer in ["mechanisms", "clock"] {
                    report.tell(layer, &Verdict::Skipped("only an answer would tell".to_owned()), "")?;
                }
                return Ok(true);
            }
            Err(error) if error.kind() == ErrorKind::Usage => {
                return report.tell("HTTP", &Verdict::Skipped(error.to_string()), "");
            }
            Err(error) => {
                let verdict = report.failed(&error);
                let remedy = "is it the port of WinRM, and HTTPS where it speaks TLS (-UseSSL)?";
                return report.tell("HTTP", &verdict, remedy);
            }
        };
        report.tell("HTTP", &Verdict::Passed(format!("status {}", greeting.status)), "")?;
        // Digest is offered once for each of its hashes.
        let mut schemes = greeting.schemes.clone();
        schemes.dedup();
        let offered = schemes.join(", ");
        let wanted = wanted_schemes(self.doctor.way.authentication());
        let is_offered = |scheme: &String| wanted.iter().any(|wanted| scheme.eq_ignore_ascii_case(wanted));
        let verdict = if greeting.schemes.is_empty() {
            Verdict::Skipped("the service names none to a request without a body".to_owned())
        } else if greeting.schemes.iter().any(is_offered) {
            Verdict::Passed(offered)
        } else {
            report.fails(
                Exit::from_code(4),
                format!("the service offers {offered}, not {}", wanted.join(" or ")),
            )
        };
        let remedy = "choose one of those with --authentication, or allow another on the computer \
                      (winrm set winrm/config/service/auth)";
        let goes_on = report.tell("mechanisms", &verdict, remedy)?;
        let verdict = match greeting.date.as_deref().map(|date| (date, seconds_ahead(date))) {
            None => Verdict::Skipped("the service does not say what time it has".to_owned()),
            Some((date, None)) => Verdict::Skipped(format!("the service's time cannot be read: {date}")),
            Some((date, Some(ahead))) if ahead.abs() <= SKEW => {
                Verdict::Passed(format!("{date}, {ahead} seconds ahead of this computer's"))
            }
            // Only Kerberos minds, and it is asked below.
            Some((date, Some(ahead))) => {
                Verdict::Failed(format!("{date}, {ahead} seconds ahead of this computer's"))
            }
        };
        report.tell(
            "clock",
            &verdict,
            "set both clocks by the same server of time: Kerberos allows 5 minutes",
        )?;
        Ok(goes_on)
    }

    async fn service(&self, report: &mut Report) -> Result<bool> {
        let mut anybody = self.target.clone();
        anybody.set_authentication(Authentication::Anonymous);
        let verdict = match identify(&anybody).await {
            Ok(identity) => {
                Verdict::Passed(format!("{} {}", identity.product_vendor, identity.product_version))
            }
            // What it is it says to those who log on.
            Err(error) if error.kind() == ErrorKind::Refused || hung_up(&error) => {
                Verdict::Skipped("it does not tell strangers what it is".to_owned())
            }
            Err(error) => report.failed(&error),
        };
        let remedy = "does WinRM run there, under the path /wsman?";
        report.tell("service", &verdict, remedy)
    }

    /// The logon, and what it protects.
    async fn logon(&self, report: &mut Report) -> Result<bool> {
        let identified = identify(&self.target).await;
        if !self.ticket(report, identified.as_ref().err())? {
            return Ok(false);
        }
        let is_secure = self.doctor.way.is_secure();
        let (verdict, remedy) = match identified {
            Ok(_) => (Verdict::Passed(self.doctor.way.logon(self.local)), ""),
            Err(error) if hung_up(&error) => (
                report.failed(&error),
                "is it the port of WinRM, and HTTPS where it speaks TLS (-UseSSL)? Some services hang up on users and \
                 mechanisms that they do not take, too",
            ),
            Err(error) if is_secure => (
                report.failed(&error),
                "check user and password, and whether the service wants other channel bindings than those of its \
                 certificate, as behind a proxy that ends TLS (CbtHardeningLevel)",
            ),
            Err(error) => (
                report.failed(&error),
                "check user and password, and the mechanisms that the service allows (winrm get winrm/config)",
            ),
        };
        if !report.tell("logon", &verdict, remedy)? {
            return Ok(false);
        }
        let sealing = match (is_secure, self.local.defaults.no_encryption) {
            (true, _) => Verdict::Skipped("TLS protects the messages".to_owned()),
            (false, true) => Verdict::Skipped("messages are readable, as --no-encryption allows".to_owned()),
            (false, false) => Verdict::Passed("messages are sealed with the key of the logon".to_owned()),
        };
        report.tell("sealing", &sealing, "")
    }

    /// Kerberos's own layers, from what came of the logon: the KDC, and the name of the service.
    fn ticket(&self, report: &mut Report, error: Option<&windlass::Error>) -> Result<bool> {
        if self.doctor.way.authentication() != Authentication::Kerberos {
            let reason = "--authentication Kerberos looks after them".to_owned();
            return report.tell("KDC and SPN", &Verdict::Skipped(reason), "");
        }
        let missing = error.and_then(|error| Some((error, error.missing_ticket()?)));
        if let Some((error, MissingTicket::NotGiven)) = missing {
            let verdict = report.failed(error);
            let remedy = "name the KDCs of the realm in krb5.conf (KRB5_CONFIG), check that port 88 is open there, and \
                          the user and the password";
            return report.tell("KDC", &verdict, remedy);
        }
        report.tell("KDC", &Verdict::Passed("it gave a ticket for the user".to_owned()), "")?;
        let verdict = match missing {
            Some((error, _)) => report.failed(error),
            None => Verdict::Passed("it knows the service".to_owned()),
        };
        let remedy = "register the name (setspn -S HTTP/host account), call the computer by the name that is \
                      registered, or choose another class with --spn-class";
        report.tell("SPN", &verdict, remedy)
    }

    async fn endpoint(&self, report: &mut Report) -> Result<bool> {
        let builder = PsSession::builder(&self.doctor.computer)
            .target(self.target.clone())
            .configuration_name(&self.doctor.configuration_name);
        let opened = match builder.connect().await {
            Ok(session) => {
                let version =
                    session.protocol_version().map(|version| version.to_string()).unwrap_or_default();
                let requests = session.statistics().http_requests;
                let closed = session.close().await;
                closed.map(|()| format!("protocol {version}, {requests} requests to open"))
            }
            Err(error) => Err(error),
        };
        let verdict = match opened {
            Ok(detail) => Verdict::Passed(detail),
            Err(error) => report.failed(&error),
        };
        let remedy = "may the user use the endpoint (Get-PSSessionConfiguration), and does the host allow one more shell \
                      (winrm get winrm/config/winrs)?";
        report.tell("PowerShell endpoint", &verdict, remedy)
    }

    /// How many shells the user has, of those that the host allows.
    async fn quota(&self, report: &mut Report) -> Result<bool> {
        let session = CimSession::builder(&self.doctor.computer)
            .target(self.target.clone())
            .skip_test_connection(true)
            .connect()
            .await;
        let allowed = match session {
            Ok(session) => {
                let config = session.resource("winrm/config/winrs").get().await;
                session.close().await;
                config.map(|config| number_in(&config, "MaxShellsPerUser"))
            }
            Err(error) => Err(error),
        };
        let builder = PsSession::builder(&self.doctor.computer)
            .target(self.target.clone())
            .configuration_name(&self.doctor.configuration_name);
        let verdict = match (builder.find().await, allowed) {
            (Ok(shells), Ok(Some(allowed))) if shells.len() >= allowed => {
                let reason = format!("the user has {} of {allowed} shells", shells.len());
                report.fails(Exit::PROTOCOL, reason)
            }
            (Ok(shells), Ok(Some(allowed))) => {
                Verdict::Passed(format!("the user has {} of {allowed} shells", shells.len()))
            }
            (Ok(shells), _) => Verdict::Skipped(format!(
                "the user has {} shells; how many are allowed only an administrator may read",
                shells.len()
            )),
            (Err(error), _) => report.failed(&error),
        };
        let remedy = "close sessions that are not used (Get-PSSession -ComputerName, Connect-PSSession, \
                      Remove-PSSession), or allow more (winrm set winrm/config/winrs @{MaxShellsPerUser=\"50\"})";
        report.tell("quota", &verdict, remedy)
    }

    async fn cim(&self, report: &mut Report) -> Result<bool> {
        let builder =
            CimSession::builder(&self.doctor.computer).target(self.target.clone()).skip_test_connection(true);
        let verdict = match asked(builder).await {
            Ok(caption) => Verdict::Passed(caption),
            Err(error) => report.failed(&error),
        };
        report.tell("CIM", &verdict, "may the user read root/cimv2 (WMI control, Remote Management Users)?")
    }

    /// The layers of DCOM.
    pub(super) async fn dcom(&self, report: &mut Report) -> Result<bool> {
        let mut target = Target::computer(&self.doctor.computer);
        self.local.prepare(&mut target)?;
        if let Some(credential) = self.doctor.way.credential(self.local) {
            target.set_credential(credential);
        }
        self.local.prepare_rpc(&mut target, false);
        let verdict = match greet_resolver(&target).await {
            Ok(sight) => {
                let offered = match sight.mechanisms.as_slice() {
                    [] => "no mechanism".to_owned(),
                    mechanisms => mechanisms.join(", "),
                };
                Verdict::Passed(format!("DCOM {}, offers {offered}", sight.version))
            }
            Err(error) if error.kind() == ErrorKind::Refused => {
                Verdict::Passed("it answers, if only users".to_owned())
            }
            Err(error) => report.failed(&error),
        };
        let remedy = "is the computer up, and is port 135 open in its firewall (rules of the group Windows Management \
                      Instrumentation)?";
        if !report.tell("DCOM resolver", &verdict, remedy)? {
            return Ok(false);
        }
        let builder = CimSession::builder(&self.doctor.computer)
            .target(target)
            .protocol(Protocol::Dcom)
            .skip_test_connection(true);
        let verdict = match asked(builder).await {
            Ok(caption) => Verdict::Passed(caption),
            Err(error) => report.failed(&error),
        };
        let remedy = "may the user activate and launch remotely (dcomcnfg, Distributed COM Users) and read root/cimv2, \
                      and are the dynamic ports open?";
        report.tell("DCOM activation", &verdict, remedy)
    }
}

/// Asks for the system's name over CIM.
async fn asked(builder: windlass::CimSessionBuilder) -> windlass::Result<String> {
    let session = builder.connect().await?;
    let query = Enumeration::query("SELECT Caption, Version FROM Win32_OperatingSystem");
    let found = session.instances(query).collect().await;
    session.close().await;
    let caption = found?.first().and_then(|system| Some(system.get("Caption")?.as_str()?.to_owned()));
    Ok(caption.unwrap_or_default())
}

/// The schemes of HTTP in which a mechanism travels.
fn wanted_schemes(authentication: Authentication) -> &'static [&'static str] {
    match authentication {
        Authentication::Basic => &["Basic"],
        Authentication::Digest => &["Digest"],
        Authentication::CredSsp => &["CredSSP"],
        Authentication::Kerberos => &["Kerberos", "Negotiate"],
        Authentication::Ntlm => &["NTLM", "Negotiate"],
        _ => &["Negotiate"],
    }
}

/// How far a clock is ahead of this computer's, by the text of a field Date.
fn seconds_ahead(date: &str) -> Option<i64> {
    let theirs = jiff::fmt::rfc2822::parse(date).ok()?.timestamp();
    Some(theirs.as_second() - jiff::Timestamp::now().as_second())
}

/// Whether the peer closed the connection instead of an answer.
fn hung_up(error: &windlass::Error) -> bool {
    error.kind() == ErrorKind::Protocol && error.is_network_failure()
}

/// The number that stands in an element of this name.
fn number_in(xml: &str, name: &str) -> Option<usize> {
    let (_, rest) = xml.split_once(&format!("{name}>"))?;
    rest.split('<').next()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_and_numbers_are_read() {
        assert!(seconds_ahead("Thu, 01 Jan 1970 00:00:10 GMT").is_some_and(|ahead| ahead < 0));
        assert_eq!(seconds_ahead("yesterday"), None);
        let config = "<cfg:Winrs xmlns:cfg=\"c\"><cfg:MaxShellsPerUser>30</cfg:MaxShellsPerUser></cfg:Winrs>";
        assert_eq!(number_in(config, "MaxShellsPerUser"), Some(30));
        assert_eq!(number_in(config, "MaxProcesses"), None);
    }
}
