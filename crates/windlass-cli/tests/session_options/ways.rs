//! Options for the way to the host: TLS, proxies, redirections, and what can be read on the wire.

use super::bench::{Answering, TemporaryFile, Wire, cim, console, ps};
use super::support::Host;

/// Lines that use a session with these options.
type Job = fn(&str) -> String;

/// What the lines of [`ps`] and of [`cim`] write where all is well.
const JOBS: [(Job, &str); 2] = [(ps, "there"), (cim, "Win32_OperatingSystem")];

/// A revocation list of an authority that has issued nothing here.
const LIST: &str = "-----BEGIN X509 CRL-----\n\
MIHLMHMCAQEwCgYIKoZIzj0EAwIwETEPMA0GA1UEAwwGbm9ib2R5Fw0yNjExMjIw\n\
NzEyMzVaGA8yMTI2MTAyOTA3MTIzNVqgLzAtMB8GA1UdIwQYMBaAFOWlXVgBNiU1\n\
jj0V0J4SCm6j5y4rMAoGA1UdFAQDAgECMAoGCCqGSM49BAMCA0gAMEUCIEfW0KIB\n\
lPzJiYjot4Lt2C5Qkoz1aKtXAeq0A+ugbKCYAiEAkes4fOsbOK4Y3orBsbiXH3wt\n\
tmngg/xGAq7Wasemc6o=\n\
-----END X509 CRL-----\n";

#[test]
fn certificates_are_checked() {
    let host = Host::start(&[]);
    let list = TemporaryFile::new("list.pem", LIST);
    let trusted = ["--ca-file", &host.certificate];
    let listed = ["--ca-file", &host.certificate, "--crl-file", list.path().to_str().unwrap()];
    // The certificate is for localhost and for the name of this computer.
    for (arguments, computer, options, refused) in [
        (&[][..], "localhost", "", Some("the certificate")),
        (&[], "localhost", "-SkipCACheck", None),
        (&trusted, "localhost", "", None),
        (&trusted, "srv1", "", Some("for another name")),
        (&trusted, "srv1", "-SkipCNCheck", None),
        (&listed, "localhost", "", Some("no revocation list covers")),
        (&listed, "localhost", "-SkipRevocationCheck", None),
    ] {
        let localhost = format!("localhost=127.0.0.1:{}", host.https);
        let arguments = [&["--resolve", &localhost], arguments].concat();
        let jobs = [
            ps(options).replace(" srv1", &format!(" {computer} -UseSSL")),
            cim(&format!("-UseSsl {options}")).replace(" srv1", &format!(" {computer}")),
        ];
        for (lines, (_, expected)) in jobs.iter().zip(JOBS) {
            let ran = console(&host.https, &arguments, &[], lines);
            match refused {
                None => ran.wrote(expected, lines),
                Some(reason) => ran.failed(reason, lines),
            }
        }
    }
    host.stop();
}

#[test]
fn proxies_are_asked_for_a_way() {
    let proxy = Answering::start(
        "407 Proxy Authentication Required",
        "Proxy-Authenticate: Basic realm=\"p\"\r\n\
         Proxy-Authenticate: Digest realm=\"p\", nonce=\"n\", qop=\"auth\", algorithm=MD5\r\n\
         Proxy-Authenticate: Negotiate\r\n",
    );
    let host = Host::start(&[]);
    let address = format!("http://127.0.0.1:{}", proxy.port);
    for (number, (job, expected)) in JOBS.iter().enumerate() {
        let (access, none) =
            [("-ProxyAccessType IEConfig", "None"), ("-ProxyType InternetExplorer", "None")][number];
        let run = |options: &str| console(&host.http, &[], &[("HTTP_PROXY", &address)], &job(options));
        // Straight to the host, unless the options say otherwise.
        let kind = access.split(' ').next().unwrap();
        run("").wrote(expected, "no proxy");
        run(&format!("{kind} {none}")).wrote(expected, "no proxy");
        assert_eq!(proxy.heads(), Vec::<String>::new());
        run(access).failed("proxy", access);
        let heads = proxy.heads();
        assert!(heads[0].starts_with("CONNECT "), "{heads:?}");
        assert!(heads.iter().all(|head| !head.contains("Proxy-Authorization")), "{heads:?}");
        for authentication in ["Basic", "Digest", "Negotiate"] {
            let options = format!("{access} -ProxyCredential alice -ProxyAuthentication {authentication}");
            run(&options).failed("proxy", &options);
            let heads = proxy.heads();
            let said = format!("Proxy-Authorization: {authentication} ");
            assert!(heads.iter().any(|head| head.contains(&said)), "{options}: {heads:?}");
        }
    }
    host.stop();
}

#[test]
fn certificates_for_proxies_are_refused() {
    let ran = console("1", &[], &[], "New-CimSessionOption -ProxyCertificateThumbprint AB");
    ran.failed("-ProxyCertificateThumbprint is not supported", "-ProxyCertificateThumbprint");
}

#[test]
fn redirections_are_counted() {
    let host = Host::start(&[]);
    let near = Answering::start("302 Found", "Location: http://srv1/wsman\r\n");
    let far = Answering::start("302 Found", &format!("Location: http://127.0.0.1:{}/wsman\r\n", near.port));
    for (options, refused) in [
        ("", None),
        ("-MaximumRedirection 2", None),
        ("-MaximumRedirection 1", Some("too many redirections")),
        ("-MaximumRedirection 0", Some("redirections are not allowed")),
    ] {
        let at = format!(" -ConnectionUri http://127.0.0.1:{}/wsman -AllowRedirection", far.port);
        let ran = console(&host.http, &[], &[], &ps(options).replace(" srv1", &at));
        match refused {
            None => {
                ran.wrote("there", options);
                assert!(ran.errors.contains("sends this command on to http://srv1"), "{}", ran.errors);
            }
            Some(reason) => ran.failed(reason, options),
        }
    }
    host.stop();
}

#[test]
fn messages_travel_readable() {
    let host = Host::start(&["--allow-unencrypted"]);
    let wire = Wire::to(&host.http, 0);
    for (job, expected) in JOBS {
        let readable = |options: &str| {
            console(&wire.port, &[], &[], &job(options)).wrote(expected, options);
            String::from_utf8_lossy(&wire.sent()).contains("s:Envelope")
        };
        assert!(readable("-NoEncryption"));
        assert!(!readable(""));
    }
    host.stop();
}

#[test]
fn envelopes_are_utf_16() {
    let host = Host::start(&[]);
    let wire = Wire::to(&host.http, 0);
    for ((job, expected), option) in JOBS.iter().zip(["-UseUTF16", "-Encoding Utf16"]) {
        let says_so = |options: &str| {
            console(&wire.port, &[], &[], &job(options)).wrote(expected, options);
            String::from_utf8_lossy(&wire.sent()).to_lowercase().contains("charset=utf-16")
        };
        assert!(says_so(option));
        assert!(!says_so(""));
    }
    host.stop();
}

#[test]
fn the_port_is_part_of_the_service_name() {
    let host = Host::start(&[]);
    let wire = Wire::to(&host.http, 0);
    let options = ["-IncludePortInSPN", "-EncodePortInServicePrincipalName"];
    for ((job, expected), option) in JOBS.iter().zip(options) {
        let named = |options: &str| {
            let lines = job(options).replace(" srv1", " srv1 -Authentication Negotiate");
            console(&wire.port, &[], &[], &lines).wrote(expected, options);
            let sent = wire.sent();
            let text = String::from_utf8_lossy(&sent);
            let tokens = text.lines().filter_map(|line| line.strip_prefix("Authorization: Negotiate "));
            let tokens: Vec<u8> =
                tokens.flat_map(|token| base64_simd::STANDARD.decode_to_vec(token.trim()).unwrap()).collect();
            let has = |name: &str| {
                let name: Vec<u8> = name.encode_utf16().flat_map(u16::to_le_bytes).collect();
                tokens.windows(name.len()).any(|window| window == name)
            };
            assert!(has("HTTP/srv1"), "no name in {text}");
            has("HTTP/srv1:5985")
        };
        assert!(named(option));
        assert!(!named(""));
    }
    host.stop();
}
