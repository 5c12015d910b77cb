//! Comparing two descriptions: ids by what they name, dictionaries without order where theirs has
//! none.

use std::collections::HashMap;

use serde_json::Value;

/// The ids of the recording and which of ours each stands for.
type Ids = HashMap<u64, u64>;

/// Compares the values of a document, each of which counts its ids by itself.
pub(in crate::agree) fn documents(expected: &Value, ours: &Value) -> Result<(), String> {
    let (expected, ours) = (list(expected), list(ours));
    if expected.len() != ours.len() {
        return Err(format!("{} values, PowerShell {}", ours.len(), expected.len()));
    }
    for (index, (expected, ours)) in expected.iter().zip(ours).enumerate() {
        same(expected, ours, &mut Ids::new(), &format!("[{index}]"))?;
    }
    Ok(())
}

fn same(expected: &Value, ours: &Value, ids: &mut Ids, path: &str) -> Result<(), String> {
    let differ = |what: &str| Err(format!("{path}{what}: {}, PowerShell {}", short(ours), short(expected)));
    let (Value::Object(left), Value::Object(right)) = (expected, ours) else {
        return if expected == ours { Ok(()) } else { differ("") };
    };
    let only_ours = right.keys().filter(|key| !left.contains_key(*key));
    for key in left.keys().chain(only_ours) {
        let (Some(expected), Some(ours)) = (left.get(key), right.get(key)) else {
            return differ(&format!(".{key}"));
        };
        let path = format!("{path}.{key}");
        match key.as_str() {
            "id" => {
                ids.insert(expected.as_u64().unwrap_or_default(), ours.as_u64().unwrap_or_default());
            }
            "ref" => {
                if ids.get(&expected.as_u64().unwrap_or_default()) != ours.as_u64().as_ref() {
                    return Err(format!("{path}: {ours}, PowerShell {expected}"));
                }
            }
            "entries" if !is_ordered(left.get("t")) => unordered(expected, ours, ids, &path)?,
            "items" | "props" | "entries" => {
                let (expected, ours) = (list(expected), list(ours));
                if expected.len() != ours.len() {
                    return Err(format!("{path}: {} of them, PowerShell {}", ours.len(), expected.len()));
                }
                for (index, (expected, ours)) in expected.iter().zip(ours).enumerate() {
                    pair_or_value(expected, ours, ids, &format!("{path}[{index}]"))?;
                }
            }
            _ if expected == ours => {}
            _ => return Err(format!("{path}: {}, PowerShell {}", short(ours), short(expected))),
        }
    }
    Ok(())
}

/// A property or an entry is a list of two, an item is a value.
fn pair_or_value(expected: &Value, ours: &Value, ids: &mut Ids, path: &str) -> Result<(), String> {
    let (Value::Array(expected), Value::Array(ours)) = (expected, ours) else {
        return same(expected, ours, ids, path);
    };
    if expected.len() != ours.len() {
        return Err(format!("{path}: another shape"));
    }
    expected.iter().zip(ours).try_for_each(|(expected, ours)| same(expected, ours, ids, path))
}

fn unordered(expected: &Value, ours: &Value, ids: &mut Ids, path: &str) -> Result<(), String> {
    let (expected, mut left) = (list(expected), list(ours).to_vec());
    if expected.len() != left.len() {
        return Err(format!("{path}: {} entries, PowerShell {}", left.len(), expected.len()));
    }
    for entry in expected {
        let mut first = None;
        let found = left.iter().position(|ours| {
            let mut trial = ids.clone();
            match pair_or_value(entry, ours, &mut trial, path) {
                Ok(()) => {
                    *ids = trial;
                    true
                }
                Err(error) => {
                    first.get_or_insert(error);
                    false
                }
            }
        });
        match found {
            Some(index) => drop(left.swap_remove(index)),
            None => return Err(first.unwrap_or_else(|| format!("{path}: {} is missing", short(entry)))),
        }
    }
    Ok(())
}

fn is_ordered(type_name: Option<&Value>) -> bool {
    type_name.and_then(Value::as_str) == Some("System.Collections.Specialized.OrderedDictionary")
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

fn short(value: &Value) -> String {
    value.to_string().chars().take(120).collect()
}
