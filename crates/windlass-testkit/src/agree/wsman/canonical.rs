//! Envelopes compared by what they hold.
//!
//! Header blocks may come in any order, prefixes may differ, durations may be written differently,
//! base64 may be broken into lines. What only steers the reading of a header (`s:mustUnderstand`) and
//! sets without members are left out of the comparison.

use std::fmt;

use windlass_soap::{duration, ns};
use windlass_xml::{Event, Limits, Reader};

/// An element by what it holds.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Node {
    name: String,
    attributes: Vec<(String, String)>,
    text: String,
    children: Vec<Node>,
}

/// The first difference between two envelopes, if any.
///
/// # Errors
/// An envelope that is not well-formed.
pub fn first_difference(recorded: &str, ours: &str) -> Result<Option<String>, String> {
    let recorded = parse(recorded).map_err(|error| format!("the recording: {error}"))?;
    let ours = parse(ours).map_err(|error| format!("our envelope: {error}"))?;
    Ok(compare("", &recorded, &ours))
}

fn compare(path: &str, recorded: &Node, ours: &Node) -> Option<String> {
    let path = format!("{path}/{}", recorded.name.rsplit('}').next().unwrap_or_default());
    if recorded.name != ours.name {
        return Some(format!("{path}: recorded {}, ours {}", recorded.name, ours.name));
    }
    if recorded.attributes != ours.attributes {
        return Some(format!(
            "{path}: attributes recorded {:?}, ours {:?}",
            recorded.attributes, ours.attributes
        ));
    }
    if recorded.text != ours.text {
        return Some(format!("{path}: recorded {}, ours {}", Short(&recorded.text), Short(&ours.text)));
    }
    for at in 0..recorded.children.len().max(ours.children.len()) {
        match (recorded.children.get(at), ours.children.get(at)) {
            (Some(recorded), Some(ours)) => {
                if let Some(difference) = compare(&path, recorded, ours) {
                    return Some(difference);
                }
            }
            (Some(recorded), None) => return Some(format!("{path}: ours lacks {}", recorded.name)),
            (None, Some(ours)) => return Some(format!("{path}: ours adds {}", ours.name)),
            (None, None) => {}
        }
    }
    None
}

/// A text, cut for a message.
struct Short<'t>(&'t str);

impl fmt::Display for Short<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.0.chars().take(120).collect::<String>())
    }
}

/// Reads an envelope into a tree, without recursion.
fn parse(text: &str) -> Result<Node, String> {
    let mut reader = Reader::new(text, Limits::default());
    let mut open: Vec<Node> = vec![Node::default()];
    loop {
        match reader.next().map_err(|error| error.to_string())? {
            Event::Start(element) => {
                let mut node =
                    Node { name: format!("{{{}}}{}", element.ns(), element.local()), ..Node::default() };
                for attribute in element.attributes() {
                    let (space, local, value) = attribute.map_err(|error| error.to_string())?;
                    // pywinrm writes mustUnderstand in no namespace, where it says nothing.
                    let unqualified = space.is_empty() && local == "mustUnderstand";
                    if space != ns::SOAP && !unqualified {
                        node.attributes.push((format!("{{{space}}}{local}"), value.into_owned()));
                    }
                }
                open.push(node);
            }
            Event::Text(text) => {
                if let Some(node) = open.last_mut() {
                    node.text.push_str(&text);
                    if node.name == format!("{{{}}}Value", ns::SOAP) {
                        let (space, local) = reader.resolve(&text).map_err(|error| error.to_string())?;
                        node.text = format!("{{{space}}}{local}");
                    }
                }
            }
            Event::End => {
                let mut node = open.pop().unwrap_or_default();
                normalise(&mut node);
                let empty_set = (node.name.ends_with("}OptionSet") || node.name.ends_with("}Items"))
                    && node.children.is_empty();
                if let Some(parent) = open.last_mut().filter(|_| !empty_set) {
                    parent.children.push(node);
                }
            }
            Event::Eof => {
                return open.pop().and_then(|mut root| root.children.pop()).ok_or_else(|| "empty".to_owned());
            }
        }
    }
}

/// Takes out of an element what two writers may do differently.
fn normalise(node: &mut Node) {
    node.attributes.sort();
    let (space, local) = node.name.split_once('}').unwrap_or_default();
    let space = space.trim_start_matches('{');
    if !node.children.is_empty() || (!space.is_empty() && local != "Arguments" && local != "Command") {
        node.text = node.text.trim().to_owned();
    }
    match (space, local) {
        (ns::SOAP, "Envelope") => node.attributes.clear(),
        (ns::SOAP, "Header") => {
            node.children.retain(|block| !is_unread(&block.name));
            node.children.sort();
        }
        (ns::SHELL, "Shell") => {
            // Its name is an attribute or an element.
            node.children.retain(|child| !child.name.ends_with("}Name"));
            node.attributes.retain(|(name, _)| name != "{}Name");
            node.children.sort();
        }
        (ns::SHELL, "Stream") => {
            for (name, value) in &mut node.attributes {
                if name == "{}End" {
                    value.make_ascii_lowercase();
                }
            }
            node.attributes.retain(|attribute| *attribute != ("{}End".to_owned(), "false".to_owned()));
            node.text.retain(|c| !c.is_ascii_whitespace());
        }
        (ns::POWERSHELL, _) => node.text.retain(|c| !c.is_ascii_whitespace()),
        (ns::SHELL | ns::WSMAN | ns::ENUMERATION | ns::EVENTING, _) => {
            if let Ok(time) = duration::parse(&node.text) {
                node.text = duration::format(time);
            }
        }
        (ns::ADDRESSING, "ReferenceProperties") => {
            node.name = format!("{{{}}}ReferenceParameters", ns::ADDRESSING);
        }
        _ => {}
    }
}

/// Header blocks that we read and do not need.
fn is_unread(name: &str) -> bool {
    [(ns::ADDRESSING, "From"), (ns::ADDRESSING, "FaultTo")]
        .iter()
        .any(|(space, local)| *name == format!("{{{space}}}{local}"))
}
