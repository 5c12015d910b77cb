//! What .NET takes for an address.

/// Longest address that .NET takes, in UTF-16 code units.
const MAX_LENGTH: usize = 0xffef;

/// Schemes whose addresses name a host.
const WITH_HOST: [&str; 8] = ["http", "https", "ws", "wss", "ftp", "gopher", "net.tcp", "net.pipe"];

/// Whether .NET takes a text for an absolute or relative address. Nearly anything is a relative one;
/// an absolute one of a scheme that it knows must name a host and a port that can be.
pub(crate) fn is_valid(text: &str) -> bool {
    if text.len() > MAX_LENGTH && text.encode_utf16().count() > MAX_LENGTH {
        return false;
    }
    let text = text.trim();
    let Some((scheme, rest)) = text.split_once(':') else { return true };
    if !WITH_HOST.iter().any(|known| known.eq_ignore_ascii_case(scheme)) {
        return true;
    }
    let Some(rest) = rest.strip_prefix("//").or_else(|| rest.strip_prefix("\\\\")) else {
        // Without a host such an address is none, neither absolute nor relative.
        return false;
    };
    let authority = rest.split(['/', '\\', '?', '#']).next().unwrap_or_default();
    let host_and_port = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    is_host_and_port(host_and_port)
}

fn is_host_and_port(text: &str) -> bool {
    if let Some(bracketed) = text.strip_prefix('[') {
        let Some((address, port)) = bracketed.split_once(']') else { return false };
        let address = address.split('%').next().unwrap_or_default();
        return address.parse::<std::net::Ipv6Addr>().is_ok()
            && (port.is_empty() || port.strip_prefix(':').is_some_and(is_port));
    }
    let (host, port) = text.split_once(':').unwrap_or((text, ""));
    let forbidden = |character: char| {
        character.is_ascii_control()
            || matches!(character, ' ' | '"' | '<' | '>' | '^' | '`' | '{' | '|' | '}' | '[' | ']' | '%')
    };
    !host.is_empty()
        && !host.starts_with('.')
        && !host.contains("..")
        && !host.contains(forbidden)
        && is_port(port)
}

fn is_port(text: &str) -> bool {
    text.is_empty() || (text.bytes().all(|byte| byte.is_ascii_digit()) && text.parse::<u16>().is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn relative_addresses_are_nearly_anything() {
        for text in ["", "a b", "//x", "%%%", "../x", "foo:bar", "c:\\x", "mailto:a@b", "urn:x", ":"] {
            assert!(is_valid(text), "{text}");
        }
    }

    #[test]
    fn known_schemes_need_a_host() {
        for text in [
            "http://[::1]:80/",
            "https://example.test:5986/wsman?x#y",
            "http://münchen.test/ä ö",
            "http://u:p@h/",
        ] {
            assert!(is_valid(text), "{text}");
        }
        for text in ["http://", "http:///x", "http://[::1", "http://a b/", "http://h:99999/", "http://h:x/"] {
            assert!(!is_valid(text), "{text}");
        }
    }
}
