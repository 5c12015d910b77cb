//! The same operations over WS-Management and over DCOM against one host: they give the same.
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

use support::{PASSWORD, USER, over_dcom, over_https};
use windlass::model::{
    CimArray, CimInstance, CimName, CimStatus, CimValue, Namespace, ObjectPath, cim_class,
};
use windlass::wsman::PolymorphismMode;
use windlass::{CimSession, ClassFilter, Enumeration};
use windlass_mock::MockHost;

const NAMESPACE: &str = "root/test";

/// Two sessions with one host.
struct Both {
    host: MockHost,
    wsman: CimSession,
    dcom: CimSession,
}

async fn both() -> Both {
    let host = MockHost::builder().user(USER, PASSWORD.to_owned()).allow_exec(true);
    let host = host.https("127.0.0.1:0").rpc("127.0.0.1:0").start().await.unwrap();
    let wsman = CimSession::builder("").target(over_https(&host)).namespace("root/test");
    let dcom = over_dcom(&host).namespace("root/test");
    Both { wsman: wsman.connect().await.unwrap(), dcom: dcom.connect().await.unwrap(), host }
}

impl Both {
    fn each(&self) -> [&CimSession; 2] {
        [&self.wsman, &self.dcom]
    }

    async fn close(self) {
        self.wsman.close().await;
        self.dcom.close().await;
        let left = self.host.statistics();
        assert_eq!((left.open_objects, left.open_enumerations, left.open_subscriptions), (0, 0, 0));
        self.host.shutdown().await;
    }
}

/// An instance without what depends on the way: WS-Management names the computer as it was dialled, WMI as
/// it calls itself, and says of embedded instances and paths where they are from.
fn neutral(mut instance: CimInstance) -> CimInstance {
    instance.server_name = None;
    if let (Some(path), Some(class)) = (&mut instance.stated_path, &instance.class) {
        path.server = None;
        // WS-Management writes keys as text.
        **path = path.as_ref().clone().resolve(class).unwrap();
        let neutral_keys =
            path.bindings().iter().map(|key| (key.name.clone(), neutral_value(key.value.clone())));
        let bare = ObjectPath::class(path.class_name.clone());
        let named = neutral_keys.fold(bare, |path, (name, value)| path.with_key(name, value));
        **path = named.in_namespace(NAMESPACE);
    }
    for property in instance.properties.iter_mut() {
        property.value = neutral_value(std::mem::take(&mut property.value));
    }
    instance
}

fn neutral_value(value: CimValue) -> CimValue {
    match value {
        CimValue::Instance(inner) => {
            let mut inner = neutral(*inner);
            inner.namespace = None;
            for property in inner.properties.iter_mut() {
                // Without its class, what has no value has no type either.
                property.is_typed |= property.value.is_null();
            }
            inner.properties.retain(|property| !property.value.is_null());
            CimValue::Instance(Box::new(inner))
        }
        CimValue::Reference(mut path) => {
            path.server = None;
            path.namespace = Some(Namespace::new(NAMESPACE));
            CimValue::Reference(path)
        }
        CimValue::Array(array) => {
            let items: Vec<CimValue> = array.items().iter().cloned().map(neutral_value).collect();
            CimValue::Array(Box::new(CimArray::from_values(array.element(), items).unwrap()))
        }
        other => other,
    }
}

/// Compares property by property: what differs is shown alone.
fn equal(left: &CimInstance, right: &CimInstance, what: &str) {
    for (left, right) in left.properties.iter().zip(&right.properties) {
        assert_eq!(left, right, "{what}");
    }
    assert_eq!(left.properties.len(), right.properties.len(), "{what}");
    assert_eq!(left.class_name, right.class_name, "{what}");
    assert_eq!(left.namespace, right.namespace, "{what}");
    assert_eq!(left.stated_path, right.stated_path, "{what}");
    assert_eq!(left.qualifiers, right.qualifiers, "{what}");
    assert!(left == right, "{what}");
}

async fn collect(session: &CimSession, enumeration: Enumeration) -> Vec<CimInstance> {
    let all = session.instances(enumeration).collect().await.unwrap();
    let mut all: Vec<CimInstance> = all.into_iter().map(neutral).collect();
    all.sort_by_key(|instance| {
        format!("{} {:?}", instance.class_name, instance.path().map(|p| p.to_string()))
    });
    all
}

async fn same(both: &Both, enumeration: Enumeration) -> Vec<CimInstance> {
    let name = format!("{enumeration:?}");
    let wsman = collect(&both.wsman, enumeration.clone()).await;
    let dcom = collect(&both.dcom, enumeration).await;
    assert_eq!(wsman.len(), dcom.len(), "{name}");
    for (left, right) in wsman.iter().zip(&dcom) {
        equal(left, right, &name);
        let names = |instance: &CimInstance| {
            instance.class.as_ref().map(|class| (class.name.clone(), class.derivation.clone()))
        };
        assert_eq!(names(left).map(|(name, _)| name), names(right).map(|(name, _)| name));
    }
    wsman
}

#[tokio::test]
async fn enumerations_and_queries() {
    let both = both().await;
    for class in [
        "Test_Types",
        "Test_Arrays",
        "Test_Keys",
        "Test_Slot",
        "Test_Base",
        "Test_Settings",
        "IPS_Setting",
        "Test_Owns",
        "Test_Follows",
        "Test_Methods",
    ] {
        let found = same(&both, Enumeration::class(class)).await;
        assert!(!found.is_empty(), "{class}");
        same(&both, Enumeration::class(class).shallow()).await;
        same(&both, Enumeration::class(class).key_only()).await;
        same(&both, Enumeration::class(class).with_paths()).await;
        same(&both, Enumeration::query(&format!("SELECT * FROM {class}"))).await;
    }
    let derived = Enumeration::class("Test_Derived");
    for enumeration in [
        derived.clone().polymorphism(PolymorphismMode::ExcludeSubClassProperties),
        derived.clone().filter("Size > 15"),
        Enumeration::query("SELECT * FROM Test_Number WHERE Number <= 2500"),
    ] {
        assert!(!same(&both, enumeration).await.is_empty());
    }
    for projection in [
        derived.clone().properties(["Size"]),
        derived.clone().properties(["Size", "Id"]).filter("Name LIKE '%derived'"),
        Enumeration::query("SELECT Text, Unsigned64 FROM Test_Types WHERE Id = 1"),
    ] {
        let mut seen = Vec::new();
        for session in both.each() {
            let found = collect(session, projection.clone()).await;
            // WS-Management names the class of the query, WMI that of each instance.
            let values = found.into_iter().map(|instance| instance.properties);
            let mut values: Vec<_> = values.collect();
            values.sort_by_key(|properties| format!("{properties:?}"));
            seen.push(values);
        }
        assert!(!seen[0].is_empty());
        assert_eq!(seen[0], seen[1], "{projection:?}");
    }
    for class in ["Win32_OperatingSystem", "Win32_ComputerSystem", "Win32_LogicalDisk"] {
        // What the host measures may change between two looks.
        let enumeration = Enumeration::class(class).namespace("root/cimv2").key_only();
        assert!(!same(&both, enumeration).await.is_empty());
    }
    both.close().await;
}

#[tokio::test]
async fn associations() {
    let both = both().await;
    let base = ObjectPath::class("Test_Base").with_key("Id", "base");
    for enumeration in [
        Enumeration::associators(&base),
        Enumeration::associators(&base).association_class("Test_Owns"),
        Enumeration::associators(&base).result_class("Test_Item"),
        Enumeration::associators(&base).result_class("Test_Item").key_only(),
        Enumeration::associators(&base).result_class("Test_Item").properties(["Count"]),
        Enumeration::associators(&base).role("Owner"),
        Enumeration::associators(&base).role("Next"),
        Enumeration::associators(&base).result_role("Next"),
        Enumeration::references(&base),
        Enumeration::references(&base).result_class("Test_Follows"),
        Enumeration::references(&base).role("Owner"),
        Enumeration::query("ASSOCIATORS OF {Test_Base.Id='base'} WHERE AssocClass = Test_Follows"),
    ] {
        same(&both, enumeration).await;
    }
    both.close().await;
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
async fn objects_are_got_created_changed_and_deleted() {
    let both = both().await;
    for class in ["Test_Types", "Test_Arrays", "Test_Keys", "Test_Slot", "Test_Owns", "Test_Settings"] {
        for instance in both.wsman.enumerate("", class).collect().await.unwrap() {
            let path = instance.path().unwrap();
            let got = both.wsman.get(&path).await.unwrap();
            let other = both.dcom.get(&path).await.unwrap();
            equal(&neutral(got.clone()), &neutral(other.clone()), &path.to_string());
            assert_eq!(other.class.as_ref().unwrap().name, got.class.as_ref().unwrap().name);
            let refreshed = both.dcom.refresh(&other).await.unwrap();
            equal(&neutral(refreshed), &neutral(other), "refreshed");
        }
    }
    let types = ObjectPath::class("Test_Types").with_key("Id", 1_u32);
    let mut seen = Vec::new();
    for (number, session) in both.each().into_iter().enumerate() {
        // Written over one, read over both.
        let mut new = session.new_instance("", "Test_Types").await.unwrap();
        let like = both.wsman.get(&types).await.unwrap();
        for property in like.properties.iter().filter(|property| !property.is_key) {
            new.set(&property.name, property.value.clone()).unwrap();
        }
        new.set("Id", 60 + u32::try_from(number).unwrap()).unwrap();
        let path = session.create("", &new).await.unwrap();
        assert_eq!(
            session.create("", &new).await.unwrap_err().cim_status().unwrap().0,
            CimStatus::ALREADY_EXISTS
        );
        let mut created = session.get(&path).await.unwrap();
        created.set("Text", "changed").unwrap();
        session.update(&created).await.unwrap();
        let partial = CimInstance::new("Test_Types").with("Signed8", -3_i8).with("Real64", CimValue::Null);
        session.modify(&path, &partial).await.unwrap();
        session.set_property(&path, "Unsigned16", 77_u16).await.unwrap();
        assert_eq!(session.get_property(&path, "unsigned16").await.unwrap(), CimValue::UInt16(77));
        assert!(session.get_property(&path, "Nothing").await.is_err());
        let mut states = Vec::new();
        for reader in both.each() {
            let mut state = neutral(reader.get(&path).await.unwrap());
            state.properties.retain(|property| !property.is_key);
            states.push(state);
        }
        equal(&states[0], &states[1], "read over both");
        assert_eq!(states[0].get("Real64"), Some(&CimValue::Null));
        assert_eq!(states[0].get("Text"), Some(&"changed".into()));
        seen.append(&mut states);
        session.delete(&path).await.unwrap();
        for reader in both.each() {
            let error = reader.get(&path).await.unwrap_err();
            assert_eq!(error.cim_status().unwrap().0, CimStatus::NOT_FOUND);
            let error = reader.delete(&path).await.unwrap_err();
            assert_eq!(error.cim_status().unwrap().0, CimStatus::NOT_FOUND);
        }
    }
    equal(&seen[0], &seen[2], "written over one as over the other");
    let made: Vec<_> = [both.wsman.instances_of::<Item>(), both.dcom.instances_of::<Item>()].into();
    let mut items = Vec::new();
    for made in made {
        let all = made.collect().await.unwrap();
        // An empty array leaves no trace in WS-CIM.
        let shown = |item: Item| (item.name, item.count, item.tags.unwrap_or_default());
        items.push(all.into_iter().map(shown).collect::<Vec<_>>());
    }
    assert_eq!(items[0], items[1]);
    both.close().await;
}

#[tokio::test]
async fn methods() {
    let both = both().await;
    let class = ObjectPath::class("Test_Methods");
    let two = ObjectPath::class("Test_Methods").with_key("Id", "two");
    let like = both.wsman.get(&ObjectPath::class("Test_Types").with_key("Id", 1_u32)).await.unwrap();
    let mut every_type = CimInstance::new("");
    for property in like.properties.iter().filter(|property| !property.name.is("Id")) {
        if !property.name.is("Anything") {
            every_type = every_type.with(property.name.clone(), property.value.clone());
        }
    }
    let texts: Vec<String> = ["a", "", "c"].map(str::to_owned).into();
    for (path, method, input) in [
        (&class, "Add", CimInstance::new("").with("Left", "40").with("Right", 2_i32)),
        (&class, "Swap", CimInstance::new("").with("Left", "l").with("Right", CimValue::Null)),
        (&class, "Reverse", CimInstance::new("").with("Texts", texts)),
        (&class, "EchoTypes", every_type),
        (&class, "Find", CimInstance::new("").with("Name", "second")),
        (&class, "Find", CimInstance::new("").with("Name", "none")),
        (&two, "Greet", CimInstance::new("").with("Name", "Ada & <Bob>")),
        (&two, "Reset", CimInstance::new("")),
    ] {
        let mut results = Vec::new();
        for session in both.each() {
            let result = session.invoke(path, method, &input).await.unwrap();
            let outputs = result.outputs.into_iter().filter(|output| !output.value.is_null());
            let mut outputs: Vec<(CimName, CimValue)> =
                outputs.map(|output| (output.name, neutral_value(output.value))).collect();
            outputs.sort_by_key(|(name, _)| name.to_lowercase());
            results.push((result.return_value, outputs));
        }
        assert_eq!(results[0], results[1], "{method}");
    }
    for (method, input) in [
        ("Fail", CimInstance::new("").with("Status", 7_u32).with("Message", "no")),
        ("Missing", CimInstance::new("")),
        ("Add", CimInstance::new("").with("Left", 1_i32)),
    ] {
        let mut statuses = Vec::new();
        for session in both.each() {
            statuses.push(session.invoke(&class, method, &input).await.unwrap_err().cim_status().unwrap().0);
        }
        assert_eq!(statuses[0], statuses[1], "{method}");
    }
    both.close().await;
}

#[tokio::test]
async fn classes() {
    let both = both().await;
    let listed = both.wsman.classes("").await.unwrap();
    assert_eq!(listed.len(), both.dcom.classes("").await.unwrap().len());
    for class in &listed {
        let [wsman, dcom] = both.each();
        let (left, right) =
            (wsman.get_class("", &class.name).await.unwrap(), dcom.get_class("", &class.name).await.unwrap());
        assert_eq!(left.derivation, right.derivation, "{}", class.name);
        let properties = |class: &windlass::model::CimClass| {
            class
                .properties
                .iter()
                .map(|property| {
                    let kind = property.data_type.clone();
                    let key = property.is_key();
                    (property.name.clone(), kind, property.default.clone(), key, property.is_propagated)
                })
                .collect::<Vec<_>>()
        };
        assert_eq!(properties(&left), properties(&right), "{}", class.name);
        let methods = |class: &windlass::model::CimClass| {
            class
                .methods
                .iter()
                .map(|method| {
                    let mut parameters: Vec<_> = method
                        .parameters
                        .iter()
                        .map(|known| (known.name.clone(), known.data_type.clone()))
                        .collect();
                    parameters.sort_by_key(|(name, _)| name.to_lowercase());
                    (method.name.clone(), method.is_static(), parameters)
                })
                .collect::<Vec<_>>()
        };
        assert_eq!(methods(&left), methods(&right), "{}", class.name);
    }
    for filter in [
        ClassFilter::named("Test_*erived"),
        ClassFilter::all().method("Incre*"),
        ClassFilter::all().property("Colour"),
        ClassFilter::named("Test_*").qualifier("Association"),
    ] {
        let mut names = Vec::new();
        for session in both.each() {
            let found = session.find_classes("", &filter).await.unwrap();
            names.push(found.iter().map(|class| class.name.to_string()).collect::<Vec<_>>());
        }
        assert_eq!(names[0], names[1], "{filter:?}");
    }
    both.close().await;
}

#[tokio::test]
async fn failures_have_the_same_status() {
    let both = both().await;
    let missing = ObjectPath::class("Test_Item").with_key("Name", "nobody");
    for query in ["SELECT * FROM Nothing", "SELEC", "SELECT Nothing FROM Test_Item"] {
        let mut statuses = Vec::new();
        for session in both.each() {
            statuses.push(session.query("", query).collect().await.unwrap_err().cim_status().unwrap().0);
        }
        assert_eq!(statuses[0], statuses[1], "{query}");
    }
    let mut statuses = Vec::new();
    for session in both.each() {
        let other = CimInstance::new("Test_Item").with("Name", 5_u32).with("Count", "many");
        statuses.push([
            session.get(&missing).await.unwrap_err().cim_status().unwrap().0,
            session.set_property(&missing, "Count", 1_u32).await.unwrap_err().cim_status().unwrap().0,
            session.enumerate("root/nothing", "X").collect().await.unwrap_err().cim_status().unwrap().0,
        ]);
        assert!(session.create("", &other).await.is_err());
    }
    assert_eq!(statuses[0], statuses[1]);
    both.close().await;
}
