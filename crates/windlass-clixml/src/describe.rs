//! Values as JSON with nothing left out, for those who look at what travelled.

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::{Map, Value, json};

use crate::object::{Base, Properties, PsObject};
use crate::string::PsString;
use crate::value::PsValue;

/// Deeper values than this are never built: whoever drops them would go as deep.
const MAX_DEPTH: usize = 128;

/// A value with its tag and all parts of each object kept apart.
///
/// A simple value is `{"tag", "value"}`, the value being a string except for booleans and characters;
/// floating point numbers have their `bits` too, spans of time their `ticks`, and strings with lone
/// surrogates `units` instead of `value`; secure strings have nothing but their `length` on the wire. An object is `{"tag": "Obj", "id", "types", "to_string"}`
/// with `value`, or `container` and `items` or `entries`, and `adapted` and `extended` as lists of
/// name and value, as far as it has them. An object that was there before, or encloses the place, is
/// `{"tag": "Ref", "id"}`. Objects in more than 128 others are `{"tag": "Obj", "cut": true}`.
pub fn describe(value: &PsValue) -> Value {
    Describer::default().value(value, 0)
}

#[derive(Default)]
struct Describer {
    ids: HashMap<*const PsObject, usize>,
}

impl Describer {
    fn value(&mut self, value: &PsValue, depth: usize) -> Value {
        match value {
            PsValue::Object(object) => self.object(object, depth),
            PsValue::Back(reference) => match reference.upgrade() {
                Some(object) => self.object(&object, depth),
                None => json!({ "tag": "Nil" }),
            },
            simple => describe_simple(simple),
        }
    }

    fn object(&mut self, object: &Arc<PsObject>, depth: usize) -> Value {
        if let Some(id) = self.ids.get(&Arc::as_ptr(object)) {
            return json!({ "tag": "Ref", "id": id });
        }
        if depth >= MAX_DEPTH {
            return json!({ "tag": "Obj", "cut": true });
        }
        let id = self.ids.len();
        self.ids.insert(Arc::as_ptr(object), id);
        let mut parts = Map::new();
        let mut put = |name: &str, value: Value| drop(parts.insert(name.to_owned(), value));
        put("tag", if matches!(object.base, Base::MemberSet) { "MS" } else { "Obj" }.into());
        put("id", id.into());
        if object.type_names.is_present() {
            put("types", object.type_names.iter().map(PsString::as_str).collect());
        }
        if let Some(text) = &object.to_string {
            put("to_string", text.as_str().into());
        }
        match &object.base {
            Base::None | Base::MemberSet => {}
            Base::Primitive(value) => put("value", self.value(value, depth + 1)),
            Base::List(_) => put("container", "LST".into()),
            Base::Stack(_) => put("container", "STK".into()),
            Base::Queue(_) => put("container", "QUE".into()),
            Base::Enumerable(_) => put("container", "IE".into()),
            Base::Dictionary(_) => put("container", "DCT".into()),
        }
        if let Some(items) = object.base.items() {
            put("items", items.iter().map(|item| self.value(item, depth + 1)).collect());
        }
        if let Some(entries) = object.base.entries() {
            let pair = |(key, value): &(PsValue, PsValue)| {
                json!([self.value(key, depth + 1), self.value(value, depth + 1)])
            };
            put("entries", entries.iter().map(pair).collect());
        }
        for (name, properties) in [("adapted", &object.adapted), ("extended", &object.extended)] {
            if properties.is_present() {
                put(name, self.properties(properties, depth + 1));
            }
        }
        Value::Object(parts)
    }

    fn properties(&mut self, properties: &Properties, depth: usize) -> Value {
        properties
            .iter()
            .map(|property| json!([property.name.as_str(), self.value(&property.value, depth)]))
            .collect()
    }
}

fn describe_simple(value: &PsValue) -> Value {
    let tag = tag(value);
    match value {
        PsValue::Null | PsValue::Object(_) | PsValue::Back(_) => json!({ "tag": tag }),
        PsValue::Bool(value) => json!({ "tag": tag, "value": value }),
        PsValue::Char(unit) => json!({ "tag": tag, "value": unit }),
        PsValue::String(text) | PsValue::Uri(text) | PsValue::Xml(text) | PsValue::ScriptBlock(text) => {
            match text.has_lone_surrogate() {
                true => json!({ "tag": tag, "units": text.units().collect::<Vec<_>>() }),
                false => json!({ "tag": tag, "value": text.as_str() }),
            }
        }
        // Sessions between the newest versions do not encrypt it.
        PsValue::SecureString(text) => json!({ "tag": tag, "length": text.len() }),
        PsValue::F32(number) => {
            json!({ "tag": tag, "value": wire_text(value), "bits": format!("{:08x}", number.to_bits()) })
        }
        PsValue::F64(number) => {
            json!({ "tag": tag, "value": wire_text(value), "bits": format!("{:016x}", number.to_bits()) })
        }
        PsValue::TimeSpan(ticks) => {
            json!({ "tag": tag, "value": wire_text(value), "ticks": ticks.to_string() })
        }
        PsValue::ProgressRecord(record) => json!({
            "tag": tag,
            "activity": record.activity.as_str(),
            "activity_id": record.activity_id,
            "current_operation": record.current_operation.as_deref(),
            "parent_activity_id": record.parent_activity_id,
            "percent_complete": record.percent_complete,
            "type": record.kind.name(),
            "seconds_remaining": record.seconds_remaining,
            "status_description": record.status_description.as_str(),
        }),
        _ => json!({ "tag": tag, "value": wire_text(value) }),
    }
}

/// The text of a simple value in its element.
fn wire_text(value: &PsValue) -> String {
    let element = crate::encode(value);
    element.split(['<', '>']).nth(2).unwrap_or_default().to_owned()
}

fn tag(value: &PsValue) -> &'static str {
    match value {
        PsValue::Null => "Nil",
        PsValue::String(_) => "S",
        PsValue::Char(_) => "C",
        PsValue::Bool(_) => "B",
        PsValue::DateTime(_) => "DT",
        PsValue::TimeSpan(_) => "TS",
        PsValue::U8(_) => "By",
        PsValue::I8(_) => "SB",
        PsValue::U16(_) => "U16",
        PsValue::I16(_) => "I16",
        PsValue::U32(_) => "U32",
        PsValue::I32(_) => "I32",
        PsValue::U64(_) => "U64",
        PsValue::I64(_) => "I64",
        PsValue::F32(_) => "Sg",
        PsValue::F64(_) => "Db",
        PsValue::Decimal(_) => "D",
        PsValue::Bytes(_) => "BA",
        PsValue::Guid(_) => "G",
        PsValue::Uri(_) => "URI",
        PsValue::Version(_) => "Version",
        PsValue::Xml(_) => "XD",
        PsValue::ScriptBlock(_) => "SBK",
        PsValue::SecureString(_) => "SS",
        PsValue::ProgressRecord(_) => "PR",
        PsValue::Object(_) => "Obj",
        PsValue::Back(_) => "Ref",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_parts_of_an_object_are_told_apart() {
        let xml = "<Obj RefId=\"0\"><TN RefId=\"0\"><T>A</T></TN><ToString>t</ToString><LST><I32>1</I32>\
                   <Ref RefId=\"0\" /></LST><Props><S N=\"p\">x</S></Props><MS><MS N=\"set\"><Nil N=\"q\" /></MS></MS></Obj>";
        let value = crate::decode(xml, &crate::Limits::default()).unwrap();
        assert_eq!(
            describe(&value).to_string(),
            "{\"tag\":\"Obj\",\"id\":0,\"types\":[\"A\"],\"to_string\":\"t\",\"container\":\"LST\",\
             \"items\":[{\"tag\":\"I32\",\"value\":\"1\"},{\"tag\":\"Ref\",\"id\":0}],\
             \"adapted\":[[\"p\",{\"tag\":\"S\",\"value\":\"x\"}]],\
             \"extended\":[[\"set\",{\"tag\":\"MS\",\"id\":1,\"extended\":[[\"q\",{\"tag\":\"Nil\"}]]}]]}"
        );
        assert_eq!(crate::encode(&value), xml);
    }

    #[test]
    fn simple_values_show_their_bits() {
        assert_eq!(
            describe(&0.1.into()).to_string(),
            r#"{"tag":"Db","value":"0.1","bits":"3fb999999999999a"}"#
        );
        assert_eq!(
            describe(&PsValue::TimeSpan(-1)).to_string(),
            r#"{"tag":"TS","value":"-PT0.0000001S","ticks":"-1"}"#
        );
    }
}
