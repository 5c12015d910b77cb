//! Oracles of CIM values, queries and mappings.

use windlass_cim::cimxml::{ClassEncoder, ClassLimits, decode_class};
use windlass_cim::wql::{Query, QueryLimits, Work};
use windlass_cim::wscim::{Decoder, Encoder};
use windlass_cim::{
    CimClass, CimDateTime, CimInstance, CimType, ClassStore, DataType, Mismatch, NoSchema, ObjectPath,
    PathLimits, PropertyDecl, Qualifier, ResourceUri, mof, parse_namespace_path,
};
use windlass_xml::{Limits, Reader, Writer};

/// Reads an instance without and with its class: what was read, written again, is written the same. Read again and
/// again, it reads the same.
pub(super) fn wscim(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let store = store();
    let decoders: [fn(&ClassStore) -> Decoder<'_>; 3] = [
        |_| Decoder::new(),
        |store| Decoder::new().with_schema(store, Mismatch::Fail),
        |store| Decoder::new().with_schema(store, Mismatch::Keep),
    ];
    for decoder in decoders {
        let Ok(instance) = decoder(&store).decode(&mut Reader::new(text, Limits::default())) else {
            continue;
        };
        let _ = instance.path();
        let _ = windlass_cim::json::to_json(&instance);
        let Some(xml) = write_instance(&instance) else { continue };
        let again = decoder(&store)
            .decode(&mut Reader::new(&xml, Limits::default()))
            .unwrap_or_else(|error| panic!("our own instance is refused: {error}\n{xml}"));
        assert_eq!(write_instance(&again).as_deref(), Some(xml.as_str()));
    }
    for decoder in decoders {
        one_after_the_other(text, || decoder(&store));
        one_after_the_other(&format!("<r>{text}{text}</r>"), || decoder(&store));
    }
}

/// Reads the children of the root with one decoder, which remembers how they were written, and each with one of its
/// own: both read the same, or find the same fault.
fn one_after_the_other<'s>(text: &str, decoder: impl Fn() -> Decoder<'s>) {
    let mut remembering = decoder();
    let mut readers = [Reader::new(text, Limits::default()), Reader::new(text, Limits::default())];
    let [ours, theirs] = &mut readers;
    if ours.next_element().is_err() || theirs.next_element().is_err() {
        return;
    }
    while let (Ok(Some(element)), Ok(Some(_))) = (ours.next_element(), theirs.next_element()) {
        let found = remembering.instance(ours, &element).map_err(|error| error.to_string());
        let expected = decoder().instance(theirs, &element).map_err(|error| error.to_string());
        assert_eq!(found, expected);
        if expected.is_err() {
            return;
        }
        assert_eq!(ours.position(), theirs.position());
        assert_eq!(ours.next_position(), theirs.next_position());
    }
}

/// `None` where the instance has names that XML or CIM cannot have.
fn write_instance(instance: &CimInstance) -> Option<String> {
    let mut writer = Writer::new();
    let encoder = Encoder::new(ResourceUri::wmi_all("root/test"));
    encoder.instance(&mut writer, instance).ok().map(|()| writer.finish())
}

/// Classes for the names that the seeds use.
fn store() -> ClassStore {
    let mut store = ClassStore::new();
    let mut class = CimClass::new("X");
    for cim_type in CimType::ALL {
        let scalar = DataType { class: Some("X".into()), ..DataType::scalar(cim_type) };
        class.properties.insert(PropertyDecl::new(cim_type.name(), scalar.clone()));
        class.properties.insert(PropertyDecl::new(format!("{cim_type}s"), scalar.into_array()));
    }
    let octets = PropertyDecl::new("octets", DataType::array(CimType::UInt8));
    class.properties.insert(octets.with_qualifier(Qualifier::flag("OctetString")));
    store.add(class).expect("a class of our own");
    store
}

/// Reads a class: what was read, written again, is written the same.
pub(super) fn cimxml(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Some(class) = read_class(text) else { return };
    let xml = write_class(&class);
    let again = read_class(&xml).unwrap_or_else(|| panic!("our own class is refused\n{xml}"));
    assert_eq!(write_class(&again), xml);
    let _ = mof::print_class(&class);
    let _ = ClassStore::new().add(class);
}

fn read_class(text: &str) -> Option<CimClass> {
    let mut reader = Reader::new(text, Limits::default());
    let element = reader.next_element().ok()??;
    decode_class(&mut reader, &element, &ClassLimits::default()).ok()
}

fn write_class(class: &CimClass) -> String {
    let mut writer = Writer::new();
    ClassEncoder::default().encode(&mut writer, class).expect("what was read can be written");
    writer.finish()
}

/// Reads a query: printed, it reads the same; asked about an instance, it answers or gives up.
pub(super) fn wql(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Ok(query) = windlass_cim::wql::parse(text) else { return };
    let printed = query.to_string();
    let roomy = QueryLimits { length: usize::MAX, ..QueryLimits::default() };
    let again = Query::parse(&printed, &roomy);
    assert_eq!(again.unwrap_or_else(|error| panic!("{printed}: {error}")), query, "{printed}");
    let Query::Select(select) = query else { return };
    let instance = CimInstance::new("X").with("a", "some text").with("b", 5_u32).with("c", true);
    let _ = select.matches(&instance, &NoSchema, &mut Work::new(10_000));
    if let Some(class) = store().iter().next() {
        let _ = select.validate(class);
    }
    let _ = select.project(instance);
}

/// Reads MOF: each class and instance, printed, reads again and is printed the same.
pub(super) fn mof(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Ok(file) = mof::parse(text) else { return };
    for class in &file.classes {
        let printed = mof::print_class(class);
        let again = mof::parse(&printed).unwrap_or_else(|error| panic!("{error}\n{printed}"));
        assert_eq!(again.classes.first().map(mof::print_class), Some(printed));
    }
    for instance in &file.instances {
        let printed = mof::print_instance(instance);
        let again = mof::parse(&printed).unwrap_or_else(|error| panic!("{error}\n{printed}"));
        assert_eq!(again.instances.first().map(mof::print_instance), Some(printed));
    }
}

/// Reads a datetime in any form: printed in each, it reads the same.
pub(super) fn datetime(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    for value in
        [CimDateTime::parse_any(text), CimDateTime::parse_xsd_date(text), CimDateTime::parse_xsd_time(text)]
            .into_iter()
            .flatten()
    {
        assert_eq!(value.to_string().parse::<CimDateTime>().unwrap(), value);
        if let Some(xsd) = value.to_xsd() {
            assert_eq!(CimDateTime::parse_any(&xsd).unwrap(), value, "{xsd}");
        }
        assert_eq!(value.compare(&value), Some(std::cmp::Ordering::Equal));
    }
}

/// Reads a path and a resource URI: printed, they read the same.
pub(super) fn object_path(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Ok(path) = text.parse::<ObjectPath>() {
        let printed = path.to_string();
        let roomy = PathLimits { length: usize::MAX, ..PathLimits::default() };
        let again = ObjectPath::parse(&printed, &roomy);
        assert_eq!(again.unwrap_or_else(|error| panic!("{printed}: {error}")), path, "{printed}");
        assert!(path.refers_to_same(&path));
    }
    let _ = parse_namespace_path(text);
    if let Ok(uri) = text.parse::<ResourceUri>() {
        assert_eq!(uri.to_string().parse::<ResourceUri>().unwrap(), uri);
    }
}
