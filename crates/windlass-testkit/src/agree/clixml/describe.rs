//! The description of a value that the recordings use.

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::{Map, Value, json};
use windlass_clixml::{
    Base, Civil, DateTimeKind, KnownType, PsDateTime, PsObject, PsString, PsValue, to_text,
};

use super::berlin;

/// Describes a value as a reader in Berlin sees it: `t` type, `v` text, `tn` type names, `ts`
/// ToString, `props`, `items`, `entries`, and `id` and `ref` for identity.
pub fn describe(value: &PsValue) -> Value {
    Describer::default().value(value)
}

#[derive(Default)]
struct Describer {
    ids: HashMap<*const PsObject, usize>,
    next: usize,
}

impl Describer {
    // Values nest as deep as the reader let them, which is little.
    fn value(&mut self, value: &PsValue) -> Value {
        match (value.to_object(), value) {
            (Some(object), _) => self.object(&object),
            (None, PsValue::ProgressRecord(_)) => {
                let id = self.next;
                self.next += 1;
                json!({ "t": "System.Management.Automation.ProgressRecord", "id": id })
            }
            (None, simple) => primitive(simple),
        }
    }

    fn object(&mut self, object: &Arc<PsObject>) -> Value {
        if let Some(known) = KnownType::of(object) {
            return self.known(object, &known);
        }
        let inner = innermost(object);
        if let Base::Primitive(value) = &inner.base
            && !matches!(value, PsValue::ProgressRecord(_))
        {
            return self.wrapped(object, value);
        }
        if let Some(id) = self.ids.get(&Arc::as_ptr(object)) {
            return json!({ "ref": id });
        }
        let mut described = Map::new();
        let type_name = base_type(inner);
        described.insert("t".into(), type_name.into());
        described.insert("id".into(), self.id(object).into());
        let names: Vec<Value> = match (object.type_names.is_present(), type_name) {
            (true, _) => object.type_names.deserialized().map(Value::from).collect(),
            (false, name) => vec![name.into(), "System.Object".into()],
        };
        described.insert("tn".into(), names.into());
        described.insert("ts".into(), to_text(&PsValue::Object(Arc::clone(object))).into());
        if let Some(items) = inner.items() {
            described.insert("items".into(), items.iter().map(|item| self.value(item)).collect());
        }
        if let Some(entries) = inner.entries() {
            described.insert("entries".into(), self.entries(entries));
        }
        let properties = match inner.base {
            Base::None => object.properties().collect::<Vec<_>>(),
            _ => object.extended.iter().collect(),
        };
        self.properties(&mut described, properties.into_iter());
        Value::Object(described)
    }

    /// A value of a simple type with type names or properties of its own.
    fn wrapped(&mut self, object: &PsObject, value: &PsValue) -> Value {
        let mut described = primitive(value);
        if let Value::Object(described) = &mut described {
            if object.type_names.is_present() {
                let names: Vec<Value> = object.type_names.deserialized().map(Value::from).collect();
                described.insert("tn".into(), names.into());
            }
            self.properties(described, object.extended.iter());
        }
        described
    }

    fn known(&mut self, object: &Arc<PsObject>, known: &KnownType) -> Value {
        // Each reading makes a new object, also where the wire refers to one that was there before.
        let id = self.next;
        self.next += 1;
        match known {
            // The empty credential cannot be described there: it has no user name to ask for.
            KnownType::Credential { user_name, .. } if user_name.is_empty() => {
                json!({ "error": "ArgumentNullException" })
            }
            KnownType::PrimitiveDictionary => {
                let entries = self.entries(object.entries().unwrap_or_default());
                json!({ "t": known.name(), "id": id, "entries": entries })
            }
            _ => json!({ "t": known.name(), "id": id }),
        }
    }

    fn entries(&mut self, entries: &[(PsValue, PsValue)]) -> Value {
        entries.iter().map(|(key, value)| json!([self.value(key), self.value(value)])).collect()
    }

    fn properties<'p>(
        &mut self,
        described: &mut Map<String, Value>,
        properties: impl Iterator<Item = &'p windlass_clixml::Property>,
    ) {
        let is_set =
            |value: &PsValue| value.as_object().is_some_and(|object| matches!(object.base, Base::MemberSet));
        let properties: Vec<Value> = properties
            .filter(|property| !is_set(&property.value))
            .map(|property| json!([text(&property.name), self.value(&property.value)]))
            .collect();
        if !properties.is_empty() {
            described.insert("props".into(), properties.into());
        }
    }

    fn id(&mut self, object: &Arc<PsObject>) -> usize {
        let id = self.next;
        self.next += 1;
        self.ids.insert(Arc::as_ptr(object), id);
        id
    }
}

/// The object inside objects that hold nothing but another.
fn innermost(object: &PsObject) -> &PsObject {
    let mut object = object;
    while let Base::Primitive(PsValue::Object(inner)) = &object.base {
        object = inner;
    }
    object
}

fn base_type(object: &PsObject) -> &'static str {
    match &object.base {
        Base::None | Base::MemberSet => "System.Management.Automation.PSCustomObject",
        Base::Primitive(_) => "System.Management.Automation.ProgressRecord",
        Base::List(_) | Base::Enumerable(_) => "System.Collections.ArrayList",
        Base::Stack(_) => "System.Collections.Stack",
        Base::Queue(_) => "System.Collections.Queue",
        Base::Dictionary(_) if object.is_ordered_dictionary() => {
            "System.Collections.Specialized.OrderedDictionary"
        }
        Base::Dictionary(_) => "System.Collections.Hashtable",
    }
}

fn primitive(value: &PsValue) -> Value {
    let typed = |name: &str, text: Value| json!({ "t": format!("System.{name}"), "v": text });
    match value {
        PsValue::String(text) | PsValue::ScriptBlock(text) if text.has_lone_surrogate() => {
            json!({ "t": "System.String", "v_utf16": text.units().collect::<Vec<_>>() })
        }
        PsValue::String(text) | PsValue::ScriptBlock(text) => typed("String", text.as_str().into()),
        PsValue::Char(unit) => typed("Char", (*unit).into()),
        PsValue::Bool(value) => typed("Boolean", (*value).into()),
        PsValue::DateTime(time) => date_time(*time),
        PsValue::TimeSpan(ticks) => typed("TimeSpan", ticks.to_string().into()),
        PsValue::U8(number) => typed("Byte", number.to_string().into()),
        PsValue::I8(number) => typed("SByte", number.to_string().into()),
        PsValue::U16(number) => typed("UInt16", number.to_string().into()),
        PsValue::I16(number) => typed("Int16", number.to_string().into()),
        PsValue::U32(number) => typed("UInt32", number.to_string().into()),
        PsValue::I32(number) => typed("Int32", number.to_string().into()),
        PsValue::U64(number) => typed("UInt64", number.to_string().into()),
        PsValue::I64(number) => typed("Int64", number.to_string().into()),
        PsValue::F32(number) => {
            json!({ "t": "System.Single", "v": float(value), "bits": format!("{:08x}", number.to_bits()) })
        }
        PsValue::F64(number) => {
            json!({ "t": "System.Double", "v": float(value), "bits": format!("{:016x}", number.to_bits()) })
        }
        PsValue::Decimal(number) => {
            let bits: Vec<String> = number.bits().iter().map(|word| format!("{word:08x}")).collect();
            json!({ "t": "System.Decimal", "v": number.to_string(), "bits": bits.join(" ") })
        }
        PsValue::Bytes(bytes) => {
            typed("Byte[]", bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>().into())
        }
        PsValue::Guid(guid) => typed("Guid", guid.to_string().into()),
        PsValue::Uri(text) => typed("Uri", text.as_str().into()),
        PsValue::Version(version) => typed("Version", version.to_string().into()),
        PsValue::Xml(text) => typed("Xml.XmlDocument", outer_xml(text).into()),
        PsValue::SecureString(text) => typed("Security.SecureString", unprotected(text)),
        PsValue::Null | PsValue::ProgressRecord(_) | PsValue::Object(_) | PsValue::Back(_) => Value::Null,
    }
}

fn text(text: &PsString) -> Value {
    text.as_str().into()
}

fn date_time(time: PsDateTime) -> Value {
    let shown = |ticks: i64| {
        let civil = PsDateTime::from_ticks(ticks, DateTimeKind::Unspecified).map(PsDateTime::civil);
        let Some(Civil { year, month, day, hour, minute, second, ticks }) = civil else {
            return String::new();
        };
        format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{ticks:07}")
    };
    match time.kind() {
        DateTimeKind::Local(offset) => {
            let (local, utc) = berlin::local(time, offset);
            json!({ "t": "System.DateTime", "v": shown(local), "kind": "Local", "utc": shown(utc) })
        }
        DateTimeKind::Utc => json!({ "t": "System.DateTime", "v": shown(time.ticks()), "kind": "Utc" }),
        DateTimeKind::Unspecified => {
            json!({ "t": "System.DateTime", "v": shown(time.ticks()), "kind": "Unspecified" })
        }
    }
}

/// The text of a floating point number in the invariant culture: that of the wire, with a longer name
/// for what is infinite.
fn float(value: &PsValue) -> String {
    let element = windlass_clixml::encode(value);
    let text = element.split(['<', '>']).nth(2).unwrap_or_default();
    text.replace("INF", "Infinity")
}

/// What .NET writes for a document that it read: double quotes, and a space before the end of an
/// empty element.
fn outer_xml(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find('<') {
        let (before, tag) = rest.split_at(start);
        out.push_str(before);
        let end = match tag {
            _ if tag.starts_with("<!--") => tag.find("-->").map(|end| end + 3),
            _ if tag.starts_with("<![CDATA[") => tag.find("]]>").map(|end| end + 3),
            _ => tag.find('>').map(|end| end + 1),
        };
        let (tag, after) = tag.split_at(end.unwrap_or(tag.len()));
        if tag.starts_with("<!") {
            out.push_str(tag);
        } else {
            let tag = tag.replace('\'', "\"");
            match tag.strip_suffix("/>") {
                Some(open) => out.push_str(&format!("{} />", open.trim_end())),
                None => out.push_str(&tag),
            }
        }
        rest = after;
    }
    out + rest
}

/// A secure string where nothing encrypts it: the hexadecimal digits of its UTF-16 bytes.
fn unprotected(text: &str) -> Value {
    let digits: Vec<u32> = text.chars().filter_map(|digit| digit.to_digit(16)).collect();
    let units: Vec<u16> = digits
        .chunks_exact(4)
        .filter_map(|unit| match unit {
            [a, b, c, d] => u16::try_from((c << 12) | (d << 8) | (a << 4) | b).ok(),
            _ => None,
        })
        .collect();
    String::from_utf16_lossy(&units).into()
}
