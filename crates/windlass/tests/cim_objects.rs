//! What a CIM session does with objects, against `root/test` of the embedded host: every type, keys of
//! every kind, create, change, delete, enumeration modes, associations, classes.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    unreachable_pub,
    dead_code,
    reason = "test code"
)]

mod support;

use support::{host, nothing_left, over_https};
use windlass::model::{CimDateTime, CimInstance, CimType, CimValue, ObjectPath, cim_class};
use windlass::wsman::PolymorphismMode;
use windlass::{CimSession, ClassFilter, Enumeration, ErrorKind, OperationOptions, UriStyle};
use windlass_mock::MockHost;

const NAMESPACE: &str = "root/test";

async fn session(host: &MockHost, style: UriStyle) -> CimSession {
    let builder = CimSession::builder("").target(over_https(host)).skip_test_connection(true);
    builder.namespace(NAMESPACE).uri_style(style).connect().await.unwrap()
}

fn names(instances: &[CimInstance]) -> Vec<String> {
    let mut names: Vec<_> = instances.iter().map(|instance| instance.class_name.to_string()).collect();
    names.sort();
    names
}

#[tokio::test]
async fn every_type_comes_as_it_is_in_both_spellings_of_uris() {
    let host = host().start().await.unwrap();
    for style in [UriStyle::Wmi, UriStyle::Dmtf] {
        let session = session(&host, style).await;
        let path = ObjectPath::class("Test_Types").with_key("Id", 1_u32);
        let got = session.get(&path).await.unwrap();
        let moment: CimDateTime = "20240229123456.123456+060".parse().unwrap();
        let period: CimDateTime = "00000012034556.000007:000".parse().unwrap();
        for (name, expected) in [
            ("Truth", CimValue::Boolean(true)),
            ("Unsigned8", CimValue::UInt8(255)),
            ("Signed8", CimValue::SInt8(-128)),
            ("Unsigned16", CimValue::UInt16(65535)),
            ("Signed16", CimValue::SInt16(-32768)),
            ("Unsigned32", CimValue::UInt32(u32::MAX)),
            ("Signed32", CimValue::SInt32(i32::MIN)),
            ("Unsigned64", CimValue::UInt64(u64::MAX)),
            ("Signed64", CimValue::SInt64(i64::MIN)),
            ("Real32", CimValue::Real32(1.5)),
            ("Real64", CimValue::Real64(-1.25e100)),
            ("Character", CimValue::Char16(65)),
            ("Text", "some \"text\" & <more>".into()),
            ("Moment", moment.into()),
            ("Period", period.into()),
        ] {
            assert_eq!(got.get(name), Some(&expected), "{name} {style:?}");
        }
        let other = got.get("Other").unwrap().as_reference().unwrap();
        assert_eq!(other.key("Name").unwrap().as_str(), Some("first"), "{other}");
        let inner = got.get("Inner").unwrap().as_instance().unwrap();
        assert_eq!((inner.class_name.as_str(), inner.get("Name")), ("Test_Item", Some(&"inner".into())));
        let anything = got.get("Anything").unwrap().as_instance().unwrap();
        assert_eq!(anything.class_name.as_str(), "Test_Keys");

        let empty = session.get(&ObjectPath::class("Test_Types").with_key("Id", 2_u32)).await.unwrap();
        let set = empty.properties.iter().filter(|property| !property.value.is_null());
        assert_eq!(set.map(|property| property.name.as_str()).collect::<Vec<_>>(), ["Id"]);

        let arrays = session.get(&ObjectPath::class("Test_Arrays").with_key("Id", 1_u32)).await.unwrap();
        assert_eq!(arrays.get("Unsigned64s"), Some(&vec![0_u64, u64::MAX].into()));
        let texts: Vec<String> = ["", "two", "three"].map(str::to_owned).into();
        assert_eq!(arrays.get("Texts"), Some(&texts.into()));
        assert_eq!(arrays.get("Octets"), Some(&vec![0_u8, 0, 0, 6, 1, 2].into()));
        let inners = arrays.get("Inners").unwrap().items();
        assert_eq!(inners[1].as_instance().unwrap().get("Name"), Some(&"two".into()));
        assert_eq!(arrays.get("Others").unwrap().items().len(), 2);
        assert!(arrays.properties.iter().all(|property| property.is_typed), "{arrays:?}");
        session.close().await;
    }
    nothing_left(&host).await;
}

#[tokio::test]
async fn keys_of_every_kind_name_one_instance() {
    let host = host().start().await.unwrap();
    for style in [UriStyle::Wmi, UriStyle::Dmtf] {
        let session = session(&host, style).await;
        for class in ["Test_Keys", "Test_Slot", "Test_Settings", "Test_Owns"] {
            let all = session.enumerate("", class).collect().await.unwrap();
            assert!(!all.is_empty(), "{class}");
            for instance in &all {
                let path = instance.path().unwrap_or_else(|| panic!("{class} has no path"));
                let got = session.get(&path).await.unwrap_or_else(|error| panic!("{path}: {error}"));
                assert_eq!(got.properties, instance.properties, "{path}");
                assert_eq!(session.refresh(instance).await.unwrap().properties, instance.properties);
            }
            // What the host says about paths is the same.
            let stated = session.instances(Enumeration::class(class).with_paths()).collect().await.unwrap();
            for instance in stated {
                let path = instance.stated_path.clone().unwrap();
                assert_eq!(session.get(&path).await.unwrap().properties, instance.properties, "{path}");
            }
        }
        session.close().await;
    }
    nothing_left(&host).await;
}

#[tokio::test]
async fn instances_are_created_changed_and_deleted() {
    let host = host().start().await.unwrap();
    let session = session(&host, UriStyle::Wmi).await;
    let mut new = session.new_instance("", "Test_Types").await.unwrap();
    assert_eq!(new.property("Unsigned64").unwrap().cim_type, CimType::UInt64);
    let inner = CimInstance::new("Test_Item").with("Name", "in").with("Count", 5_u32);
    let other = ObjectPath::class("Test_Item").with_key("Name", "second").in_namespace(NAMESPACE);
    for (name, value) in [
        ("Id", CimValue::from(50_u32)),
        ("Unsigned64", u64::MAX.into()),
        ("Real64", 0.1.into()),
        ("Text", "two\r\nlines\t\u{1f600}".into()),
        ("Moment", "20200101000000.000000+000".into()),
        ("Inner", inner.into()),
        ("Other", other.into()),
    ] {
        new.set(name, value).unwrap();
    }
    let path = session.create("", &new).await.unwrap();
    assert_eq!(path.class_name.as_str(), "Test_Types");
    let mut created = session.get(&path).await.unwrap();
    for name in ["Unsigned64", "Real64", "Text", "Moment"] {
        assert_eq!(created.get(name), new.get(name), "{name}");
    }
    assert_eq!(created.get("Inner").unwrap().as_instance().unwrap().get("Count"), Some(&5_u32.into()));
    assert_eq!(session.create("", &new).await.unwrap_err().cim_status().unwrap().0.0, 11);

    // What was set is sent, the rest stays.
    created.set("Text", "changed").unwrap();
    let changed = session.update(&created).await.unwrap().unwrap();
    assert_eq!((changed.get("Text"), changed.get("Real64")), (Some(&"changed".into()), Some(&0.1.into())));
    let partial = CimInstance::new("Test_Types").with("Signed8", -3_i8).with("Real64", CimValue::Null);
    session.modify(&path, &partial).await.unwrap();
    let after = session.refresh(&created).await.unwrap();
    assert_eq!(after.get("Signed8"), Some(&CimValue::SInt8(-3)));
    assert_eq!((after.get("Real64"), after.get("Text")), (Some(&CimValue::Null), Some(&"changed".into())));

    // One property at a time.
    session.set_property(&path, "Unsigned16", 77_u16).await.unwrap();
    assert_eq!(session.get_property(&path, "unsigned16").await.unwrap(), CimValue::UInt16(77));
    let error = session.get_property(&path, "Nothing").await.unwrap_err();
    assert!(error.to_string().contains("Nothing"), "{error}");

    session.delete(&path).await.unwrap();
    let gone = session.get(&path).await.unwrap_err();
    assert_eq!(gone.cim_status().unwrap().0.0, 6, "{gone}");
    assert_eq!(session.delete(&path).await.unwrap_err().cim_status().unwrap().0.0, 6);
    session.close().await;
    nothing_left(&host).await;
}

#[tokio::test]
async fn enumerations_give_what_was_asked_for() {
    let host = host().start().await.unwrap();
    for style in [UriStyle::Wmi, UriStyle::Dmtf] {
        let session = session(&host, style).await;
        let deep = session.enumerate("", "Test_Base").collect().await.unwrap();
        assert_eq!(names(&deep), ["Test_Base", "Test_Concrete", "Test_Derived", "Test_MoreDerived"]);
        let shallow = Enumeration::class("Test_Base").shallow();
        assert_eq!(names(&session.instances(shallow).collect().await.unwrap()), ["Test_Base"]);
        let base =
            Enumeration::class("Test_Derived").polymorphism(PolymorphismMode::ExcludeSubClassProperties);
        let base = session.instances(base).collect().await.unwrap();
        assert_eq!(names(&base), ["Test_Derived", "Test_Derived"]);
        assert!(base.iter().all(|instance| instance.get("Colour").is_none()));

        let keys = session.instances(Enumeration::class("Test_Base").key_only()).collect().await.unwrap();
        assert_eq!(names(&keys), names(&deep));
        for instance in &keys {
            assert_eq!(instance.properties.len(), 1, "{instance:?}");
            assert!(session.refresh(instance).await.unwrap().properties.len() > 1);
        }

        let some = Enumeration::class("Test_Base").filter("Name LIKE '%derived'").properties(["Name"]);
        let some = session.instances(some).collect().await.unwrap();
        assert_eq!(some.len(), 2);
        assert!(some.iter().all(|instance| instance.get("Name").is_some() && instance.get("Size").is_none()));
        let query = "SELECT * FROM Test_Derived WHERE Size > 15 AND Colour = 'green'";
        assert!(session.query("", query).collect().await.is_err(), "Colour is of a subclass");
        let query = "SELECT * FROM Test_MoreDerived WHERE Size > 15 AND Colour = 'GREEN'";
        assert_eq!(session.query("", query).collect().await.unwrap().len(), 1);
        session.close().await;
    }
    nothing_left(&host).await;
}

#[tokio::test]
async fn associations_lead_to_the_other_side() {
    let host = host().start().await.unwrap();
    for style in [UriStyle::Wmi, UriStyle::Dmtf] {
        let session = session(&host, style).await;
        let base = ObjectPath::class("Test_Base").with_key("Id", "base");
        let all = session.instances(Enumeration::associators(&base)).collect().await.unwrap();
        assert_eq!(names(&all), ["Test_Derived", "Test_Item", "Test_Item"]);
        for (enumeration, expected) in [
            (Enumeration::associators(&base).association_class("Test_Owns"), 2),
            (Enumeration::associators(&base).result_class("Test_Item"), 2),
            (Enumeration::associators(&base).result_class("Test_Base"), 1),
            (Enumeration::associators(&base).role("Owner"), 2),
            (Enumeration::associators(&base).result_role("Next"), 1),
            (Enumeration::associators(&base).role("Next"), 0),
            (Enumeration::references(&base), 3),
            (Enumeration::references(&base).result_class("Test_Follows"), 1),
            (Enumeration::references(&base).role("Owner"), 2),
        ] {
            let found = session.instances(enumeration.clone()).collect().await;
            assert_eq!(found.unwrap().len(), expected, "{enumeration:?}");
        }
        let keys = Enumeration::associators(&base).result_class("Test_Item").key_only();
        let keys = session.instances(keys).collect().await.unwrap();
        assert!(keys.iter().all(|item| item.properties.len() == 1 && item.get("Name").is_some()), "{keys:?}");
        let some = Enumeration::associators(&base).result_class("Test_Item").properties(["Count"]);
        let some = session.instances(some).collect().await.unwrap();
        assert!(some.iter().all(|item| item.properties.len() == 1 && item.get("Count").is_some()));
        let wql = "ASSOCIATORS OF {Test_Base.Id='base'} WHERE AssocClass = Test_Follows";
        assert_eq!(session.query("", wql).collect().await.unwrap().len(), 1);
        let link =
            session.instances(Enumeration::references(&base).role("Previous")).collect().await.unwrap();
        let next = link[0].get("Next").unwrap().as_reference().unwrap();
        assert_eq!(session.get(next).await.unwrap().get("Name"), Some(&"derived".into()));
        session.close().await;
    }
    nothing_left(&host).await;
}

#[tokio::test]
async fn classes_are_found_and_fetched_once() {
    let host = host().start().await.unwrap();
    let session = session(&host, UriStyle::Wmi).await;
    let class = session.get_class("", "test_types").await.unwrap();
    assert_eq!(class.name.as_str(), "Test_Types");
    assert!(class.property("Id").unwrap().is_key());
    assert_eq!(class.property("Inner").unwrap().data_type.element, CimType::Instance);
    let before = session.statistics().http_requests;
    session.get_class("", "Test_Types").await.unwrap();
    assert_eq!(session.statistics().http_requests, before);

    let found = |filter: ClassFilter| {
        let session = &session;
        async move {
            let found = session.find_classes("", &filter).await.unwrap();
            found.iter().map(|class| class.name.to_string()).collect::<Vec<_>>()
        }
    };
    assert_eq!(found(ClassFilter::named("Test_*erived")).await, ["Test_Derived", "Test_MoreDerived"]);
    assert_eq!(found(ClassFilter::all().method("Incre*")).await, ["Test_Methods"]);
    assert_eq!(found(ClassFilter::all().property("Colour")).await, ["Test_MoreDerived"]);
    assert_eq!(
        found(ClassFilter::named("Test_*").qualifier("Association")).await,
        ["Test_Owns", "Test_Follows"]
    );
    let derived = session.get_class("", "Test_MoreDerived").await.unwrap();
    assert!(derived.is_a("Test_Base") && derived.property("Size").unwrap().is_propagated);
    assert_eq!(session.get_class("", "Test_None").await.unwrap_err().cim_status().unwrap().0.0, 5);
    session.close().await;
    nothing_left(&host).await;
}

#[tokio::test]
async fn a_warm_query_is_one_request_and_a_second_typed_one_asks_for_no_class() {
    let host = host().start().await.unwrap();
    let session = session(&host, UriStyle::Wmi).await;
    let count = || session.statistics().http_requests;
    let query = "SELECT * FROM Test_Item";
    session.query("", query).collect().await.unwrap();
    assert_eq!(count(), 2, "the query and the class");
    let items = session.query("", query).collect().await.unwrap();
    assert_eq!(count(), 3);
    assert!(items.iter().all(|item| item.get("Count").unwrap().cim_type() == Some(CimType::UInt32)));
    let untyped = session.with_options(OperationOptions::default());
    untyped.query("", query).collect().await.unwrap();
    assert_eq!(count(), 4, "classes are shared");
    session.close().await;
    nothing_left(&host).await;
}

cim_class! {
    /// An item.
    struct Item in "root/test" as "Test_Item" {
        name: String = "Name",
        count: Option<u32> = "Count",
        tags: Option<Vec<String>> = "Tags",
    }
}

#[tokio::test]
async fn rust_types_options_and_resource_uris() {
    let host = host().start().await.unwrap();
    let session = session(&host, UriStyle::Wmi).await;
    let items = session.instances_of::<Item>().collect().await.unwrap();
    assert_eq!((items.len(), items[0].name.as_str(), items[0].count), (3, "first", Some(1)));
    assert_eq!(items[0].tags, Some(vec!["a".to_owned(), "b".to_owned()]));

    let uri = "http://intel.com/wbem/wscim/1/ips-schema/1/IPS_Setting";
    let found = session.instances(Enumeration::resource(uri).namespace(NAMESPACE)).collect().await.unwrap();
    assert_eq!(found[0].get("Value"), Some(&"on".into()));
    let other = session.with_options(OperationOptions::default().resource_uri(uri).unwrap());
    let path =
        ObjectPath::class("IPS_Setting").with_key("InstanceID", "setting 1").in_namespace("root/cimv2");
    assert_eq!(other.get(&path).await.unwrap_err().cim_status().unwrap().0.0, 5, "no such class there");
    assert!(OperationOptions::default().resource_uri("winrm/config").is_err());

    let alias = Enumeration::resource("wmi/root/test/Test_Item");
    assert_eq!(session.instances(alias).collect().await.unwrap().len(), 3);
    let error = session.instances(Enumeration::query_in("CQL", "SELECT 1")).collect().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Fault, "{error}");
    session.close().await;
    nothing_left(&host).await;
}

#[tokio::test]
async fn a_hundred_thousand_instances_come_in_pages() {
    let host = host().start().await.unwrap();
    let session = session(&host, UriStyle::Wmi).await;
    // A thousand come first, then as many as fit an answer.
    let query = "SELECT Number FROM Test_Number WHERE Number <= 3900";
    session.get_class("", "Test_Number").await.unwrap();
    let before = session.statistics().http_requests;
    assert_eq!(session.query("", query).collect().await.unwrap().len(), 3900);
    assert_eq!(session.statistics().http_requests - before, 3);
    let mut numbers = session.instances(Enumeration::class("Test_Number"));
    let mut last = 0;
    for _ in 0..3_000 {
        let number = numbers.next().await.unwrap().unwrap().get("Number").unwrap().as_u64().unwrap();
        assert_eq!(number, last + 1);
        last = number;
    }
    drop(numbers);
    session.close().await;
    nothing_left(&host).await;
}
