//! Objects of types that PowerShell brings back to life when it reads them.
//!
//! For most types a property bag arrives. For a few, the reader makes the object again from the
//! parts that came, if those are sound; otherwise the bag stays.

use std::net::IpAddr;

use crate::object::{Base, PsObject};
use crate::string::PsString;
use crate::to_text::to_text;
use crate::value::PsValue;
use crate::version::Version;

const PRIMITIVE_DICTIONARY: &str = "System.Management.Automation.PSPrimitiveDictionary";

/// An object that PowerShell would bring back to life.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum KnownType {
    /// `System.Management.Automation.PSPrimitiveDictionary`: string keys, simple values.
    PrimitiveDictionary,
    /// `System.Management.Automation.SwitchParameter`, and whether it is present.
    SwitchParameter(bool),
    /// `System.Management.Automation.PSListModifier`.
    ListModifier,
    /// `System.Management.Automation.PSCredential` with user name and encrypted password; without a
    /// user name it is the empty credential.
    Credential {
        /// The user name, empty for the empty credential.
        user_name: PsString,
        /// What stands for the password on the wire.
        password: Option<PsString>,
    },
    /// `System.Globalization.CultureInfo` with its name.
    Culture(PsString),
    /// `System.Net.IPAddress`.
    IpAddress(IpAddr),
    /// `System.Net.Mail.MailAddress` with its text.
    MailAddress(PsString),
    /// `Microsoft.PowerShell.Commands.ModuleSpecification` with the module's name.
    ModuleSpecification(PsString),
    /// `System.Management.Automation.CompletionResult` with the text to complete with.
    CompletionResult(PsString),
}

impl KnownType {
    /// What an object would come back to life as, if its parts are sound.
    pub fn of(object: &PsObject) -> Option<Self> {
        let is = |name: &str| object.type_names.contains(name);
        if is(PRIMITIVE_DICTIONARY) {
            return is_primitive_dictionary(object).then_some(Self::PrimitiveDictionary);
        }
        if is("System.Management.Automation.SwitchParameter") {
            return switch(object.get("IsPresent")?).map(Self::SwitchParameter);
        }
        if is("System.Management.Automation.PSListModifier") {
            let has = |name: &str| object.get(name).is_some_and(|value| !value.is_null());
            return (!has("Replace") || !(has("Add") || has("Remove"))).then_some(Self::ListModifier);
        }
        if is("System.Management.Automation.PSCredential") {
            return credential(object);
        }
        if is("System.Globalization.CultureInfo") {
            return Some(text_of(object)).filter(|name| is_culture(name)).map(Self::Culture);
        }
        if is("System.Net.IPAddress") {
            return ip_address(&text_of(object)).map(Self::IpAddress);
        }
        if is("System.Net.Mail.MailAddress") {
            return Some(text_of(object)).filter(|text| is_mail_address(text)).map(Self::MailAddress);
        }
        if is("Microsoft.PowerShell.Commands.ModuleSpecification") {
            return module(object);
        }
        if is("System.Management.Automation.CompletionResult") {
            let text = |name: &str| object.get(name).map(to_text).filter(|text| !text.is_empty());
            text("ListItemText")?;
            text("ToolTip")?;
            object.get("ResultType")?.as_i64()?;
            return text("CompletionText").map(|text| Self::CompletionResult(text.into()));
        }
        None
    }

    /// The name of the .NET type.
    pub fn name(&self) -> &'static str {
        match self {
            Self::PrimitiveDictionary => PRIMITIVE_DICTIONARY,
            Self::SwitchParameter(_) => "System.Management.Automation.SwitchParameter",
            Self::ListModifier => "System.Management.Automation.PSListModifier",
            Self::Credential { .. } => "System.Management.Automation.PSCredential",
            Self::Culture(_) => "System.Globalization.CultureInfo",
            Self::IpAddress(_) => "System.Net.IPAddress",
            Self::MailAddress(_) => "System.Net.Mail.MailAddress",
            Self::ModuleSpecification(_) => "Microsoft.PowerShell.Commands.ModuleSpecification",
            Self::CompletionResult(_) => "System.Management.Automation.CompletionResult",
        }
    }
}

fn text_of(object: &PsObject) -> PsString {
    match &object.to_string {
        Some(text) => text.clone(),
        None => PsString::from(crate::to_text::object_text(object)),
    }
}

/// Whether all keys are strings and all values are simple, lists of such, or such dictionaries.
fn is_primitive_dictionary(object: &PsObject) -> bool {
    let has_string_keys = |entries: &[(PsValue, PsValue)]| {
        entries.iter().all(|(key, _)| matches!(key.unwrapped(), PsValue::String(_)))
    };
    let mut pending: Vec<&[(PsValue, PsValue)]> = object.entries().into_iter().collect();
    let mut values: Vec<&PsValue> = Vec::new();
    // What is shared is looked at in each place where it stands, up to this many values.
    let mut budget = 1 << 16;
    if pending.is_empty() {
        return false;
    }
    loop {
        while let Some(entries) = pending.pop() {
            if !has_string_keys(entries) {
                return false;
            }
            values.extend(entries.iter().map(|(_, value)| value));
        }
        let Some(value) = values.pop() else { return true };
        budget -= 1;
        match value.unwrapped() {
            _ if budget == 0 => return false,
            PsValue::ScriptBlock(_) | PsValue::SecureString(_) | PsValue::Back(_) => return false,
            PsValue::Object(inner) => match &inner.base {
                Base::List(items) | Base::Enumerable(items) => values.extend(items),
                Base::Dictionary(entries) if inner.type_names.contains(PRIMITIVE_DICTIONARY) => {
                    pending.push(entries);
                }
                _ => return false,
            },
            _ => {}
        }
    }
}

fn switch(value: &PsValue) -> Option<bool> {
    match value.unwrapped() {
        PsValue::Bool(present) => Some(*present),
        number => number.as_f64().map(|number| number != 0.0),
    }
}

fn credential(object: &PsObject) -> Option<KnownType> {
    let user_name = PsString::from(to_text(object.get("UserName")?));
    let password = match object.get("Password")?.unwrapped() {
        PsValue::Null => None,
        PsValue::SecureString(text) => Some(text.clone()),
        _ => return None,
    };
    if !user_name.is_empty() && password.is_none() {
        return None;
    }
    Some(KnownType::Credential { user_name, password })
}

fn module(object: &PsObject) -> Option<KnownType> {
    let version = |name: &str| match object.get(name)?.unwrapped() {
        PsValue::Null | PsValue::Version(_) => Some(()),
        value => Version::parse(value.as_str()?).map(|_| ()),
    };
    match object.get("Guid")?.unwrapped() {
        PsValue::Null | PsValue::Guid(_) => {}
        value => crate::number::parse_guid(value.as_str()?).map(|_| ())?,
    }
    version("Version")?;
    version("RequiredVersion")?;
    object.get("MaximumVersion")?;
    Some(KnownType::ModuleSpecification(to_text(object.get("Name")?).into()))
}

fn is_culture(name: &str) -> bool {
    let mut parts = name.split(['-', '_']);
    let language = parts.next().unwrap_or_default();
    name.is_empty()
        || (name.len() <= 85
            && (2..=8).contains(&language.len())
            && language.bytes().all(|byte| byte.is_ascii_alphabetic())
            && parts.all(|part| {
                (1..=8).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_alphanumeric())
            }))
}

/// An address as .NET reads it: also one to three numbers, hexadecimal or octal ones, brackets and a
/// scope.
fn ip_address(text: &str) -> Option<IpAddr> {
    if let Ok(address) = text.parse() {
        return Some(address);
    }
    if text.contains(':') {
        let inner = match text.strip_prefix('[') {
            Some(rest) => rest.split_once(']')?.0,
            None => text,
        };
        return inner.split('%').next()?.parse().ok().map(IpAddr::V6);
    }
    let parts: Vec<u32> = text.split('.').map(ip_part).collect::<Option<_>>()?;
    let (last, leading) = parts.split_last()?;
    let shift = u32::try_from(8 * (4_usize.checked_sub(leading.len())?)).ok()?;
    let fits = leading.iter().all(|part| *part < 256) && u64::from(*last) < 1_u64 << shift;
    let number =
        leading.iter().zip([24, 16, 8]).fold(*last, |number, (part, shift)| number | (part << shift));
    (fits && leading.len() < 4).then_some(IpAddr::V4(number.into()))
}

fn ip_part(text: &str) -> Option<u32> {
    let (digits, radix) = match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(digits) => (digits, 16),
        None if text.len() > 1 && text.starts_with('0') => (text, 8),
        None => (text, 10),
    };
    if digits.starts_with('+') { None } else { u32::from_str_radix(digits, radix).ok() }
}

fn is_mail_address(text: &str) -> bool {
    let text = text.trim();
    let address = match (text.strip_suffix('>'), text.rsplit_once('<')) {
        (Some(inner), Some(_)) => inner.rsplit_once('<').map_or("", |(_, address)| address),
        (None, None) => text,
        _ => return false,
    };
    let Some((user, host)) = address.rsplit_once('@') else { return false };
    let quoted = user.len() > 1 && user.starts_with('"') && user.ends_with('"');
    let special = |character: char| {
        character.is_whitespace() || character.is_ascii_control() || "()<>[]:;,\\\"@".contains(character)
    };
    let dotted = |part: &str| {
        !part.is_empty() && !part.starts_with('.') && !part.ends_with('.') && !part.contains("..")
    };
    let literal = host.starts_with('[') && host.ends_with(']');
    (quoted || (dotted(user) && !user.contains(special)))
        && (literal || (dotted(host) && !host.contains(special)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_text(type_name: &str, text: &str) -> Option<KnownType> {
        KnownType::of(&PsObject::new(type_name).with_to_string(text))
    }

    #[test]
    fn sound_texts_come_alive() {
        let address = with_text("Deserialized.System.Net.IPAddress", "10.1.2.3");
        assert_eq!(address, Some(KnownType::IpAddress(IpAddr::from([10, 1, 2, 3]))));
        assert_eq!(
            with_text("System.Net.IPAddress", "0x7f.1"),
            Some(KnownType::IpAddress(IpAddr::from([127, 0, 0, 1])))
        );
        assert!(with_text("System.Net.IPAddress", "[fe80::1%eth0]").is_some());
        assert!(with_text("System.Net.Mail.MailAddress", "A B <a.b@example.test>").is_some());
        assert!(with_text("System.Globalization.CultureInfo", "en-GB").is_some());
    }

    #[test]
    fn unsound_ones_stay_property_bags() {
        for (name, text) in [
            ("System.Net.IPAddress", "10.1.2.3.4"),
            ("System.Net.IPAddress", "300.1.1.1"),
            ("System.Net.IPAddress", ""),
            ("System.Net.Mail.MailAddress", "a"),
            ("System.Net.Mail.MailAddress", "a b@c"),
            ("System.Globalization.CultureInfo", "not a culture"),
        ] {
            assert_eq!(with_text(name, text), None, "{name} {text}");
        }
        let name = "System.Management.Automation.PSCredential";
        assert_eq!(KnownType::of(&PsObject::new(name).with("UserName", "u")), None);
        let empty = PsObject::new(name).with("UserName", PsValue::Null).with("Password", PsValue::Null);
        assert!(matches!(KnownType::of(&empty), Some(KnownType::Credential { .. })));
    }

    #[test]
    fn primitive_dictionaries_hold_simple_values() {
        let name = "System.Management.Automation.PSPrimitiveDictionary";
        let with =
            |value: PsValue| PsObject::new(name).with_base(Base::Dictionary(vec![("k".into(), value)]));
        assert!(KnownType::of(&with(1.into())).is_some());
        assert!(KnownType::of(&with(PsValue::list([1.into(), "x".into()]))).is_some());
        assert!(KnownType::of(&with(with(1.into()).into())).is_some());
        assert!(KnownType::of(&with(PsObject::custom().into())).is_none());
        assert!(KnownType::of(&with(PsValue::list([PsObject::custom().into()]))).is_none());
    }
}
