//! Classes that clients make over DCOM, and their instances.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "test code"
)]

use std::sync::Arc;

use windlass::model::{CimClass, CimInstance, CimStatus, CimType, PropertyDecl, Qualifier};
use windlass::{CimSession, ErrorKind};
use windlass_mock::MockHost;

async fn session() -> (Arc<MockHost>, CimSession) {
    let host = Arc::new(MockHost::builder().start().await.unwrap());
    let dialled = Arc::clone(&host);
    let local = CimSession::local_dcom(Arc::new(move || Ok(dialled.rpc_in_memory())));
    let session = local.namespace("root/test").connect().await.unwrap();
    (host, session)
}

fn colour() -> CimClass {
    CimClass::new("Demo_Colour")
        .with_qualifier(Qualifier::new("Description", "A colour."))
        .with_property(PropertyDecl::key("Name", CimType::String))
        .with_property(PropertyDecl::new("Shade", CimType::UInt32).with_default(7_u32))
}

fn status(error: &windlass::Error) -> CimStatus {
    error.cim_status().unwrap().0
}

#[tokio::test]
async fn a_class_is_made_filled_changed_and_deleted() {
    let (host, session) = session().await;
    session.create_class("", &colour()).await.unwrap();
    let class = session.get_class("", "demo_colour").await.unwrap();
    assert_eq!(class.name.as_str(), "Demo_Colour");
    assert!(class.property("Name").unwrap().is_key());
    assert_eq!(class.property("Shade").unwrap().default, 7_u32.into());
    let error = session.create_class("", &colour()).await.unwrap_err();
    assert_eq!(status(&error), CimStatus::ALREADY_EXISTS);

    // It takes instances like any other.
    let path = session.create("", &CimInstance::new("Demo_Colour").with("Name", "red")).await.unwrap();
    assert_eq!(session.get(&path).await.unwrap().get("Shade"), Some(&7_u32.into()));
    session.set_property(&path, "Shade", 9_u32).await.unwrap();
    let all = session.query("", "SELECT * FROM Demo_Colour WHERE Shade = 9").collect().await.unwrap();
    assert_eq!(all.len(), 1);

    // With instances or subclasses it stays as it is.
    let mut wider = colour();
    wider.properties.insert(PropertyDecl::new("Code", CimType::String));
    let error = session.modify_class("", &wider).await.unwrap_err();
    assert_eq!(status(&error), CimStatus::CLASS_HAS_INSTANCES);
    session.delete(&path).await.unwrap();
    let mut derived = CimClass::new("Demo_Tint").with_property(PropertyDecl::new("Of", CimType::String));
    derived.derivation = vec!["Demo_Colour".into()];
    session.create_class("", &derived).await.unwrap();
    let found = session.get_class("", "Demo_Tint").await.unwrap();
    assert_eq!(found.properties.iter().count(), 3);
    assert!(found.property("Shade").unwrap().is_propagated);
    let error = session.modify_class("", &wider).await.unwrap_err();
    assert_eq!(status(&error), CimStatus::CLASS_HAS_CHILDREN);
    // What derives from it is written back as it came.
    session.modify_class("", &found).await.unwrap();
    session.delete_class("", "Demo_Tint").await.unwrap();
    session.modify_class("", &wider).await.unwrap();
    assert!(session.get_class("", "Demo_Colour").await.unwrap().property("Code").is_some());

    // It goes with all that derive from it, and their instances.
    session.create_class("", &derived).await.unwrap();
    session.create("", &CimInstance::new("Demo_Tint").with("Name", "pink")).await.unwrap();
    session.delete_class("", "Demo_Colour").await.unwrap();
    for gone in ["Demo_Colour", "Demo_Tint"] {
        assert_eq!(status(&session.get_class("", gone).await.unwrap_err()), CimStatus::NOT_FOUND);
    }
    assert_eq!(status(&session.delete_class("", "Demo_Colour").await.unwrap_err()), CimStatus::NOT_FOUND);
    session.close().await;
    assert_eq!(host.statistics().open_objects, 0);
}

#[tokio::test]
async fn classes_of_providers_stay() {
    let (_host, session) = session().await;
    let given = session.get_class("", "Test_Item").await.unwrap();
    for error in [
        session.modify_class("", &given).await.unwrap_err(),
        session.delete_class("", "Test_Item").await.unwrap_err(),
        session.delete_class("", "__Event").await.unwrap_err(),
    ] {
        assert_eq!(status(&error), CimStatus::NOT_SUPPORTED);
    }
    let mut orphan = CimClass::new("Demo_Orphan");
    orphan.derivation = vec!["Nobody".into()];
    let error = session.create_class("", &orphan).await.unwrap_err();
    assert_eq!(status(&error), CimStatus::INVALID_SUPERCLASS);
    let error = session.create_class("", &CimClass::new("__Mine")).await.unwrap_err();
    assert_eq!(status(&error), CimStatus::INVALID_PARAMETER);
    let error = session.modify_class("", &CimClass::new("Demo_None")).await.unwrap_err();
    assert_eq!(status(&error), CimStatus::NOT_FOUND);
    // A class without anything is there for the asking.
    let empty = session.get_class("", "").await.unwrap();
    assert!(empty.name.is_empty() && empty.properties.is_empty());
    session.close().await;
}

/// WS-Management cannot write classes: that is said before anything is sent.
#[tokio::test]
async fn queries_give_classes() {
    let (host, session) = session().await;
    for (query, wanted) in [
        ("SELECT * FROM meta_class WHERE __this ISA 'Test_Abstract'", "Test_Abstract Test_Concrete"),
        ("ASSOCIATORS OF {Test_Base.Id='base'} WHERE ClassDefsOnly", "Test_Derived Test_Item"),
        ("ASSOCIATORS OF {Test_Item} WHERE SchemaOnly", "Test_Base"),
        ("REFERENCES OF {Test_Base} WHERE SchemaOnly", "Test_Follows Test_Owns"),
    ] {
        let found = session.query_classes("", query).await.unwrap();
        let mut names: Vec<&str> = found.iter().map(|class| class.name.as_str()).collect();
        names.sort_unstable();
        assert_eq!(names.join(" "), wanted, "{query}");
        let error = session.query("", query).collect().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Usage, "{error}");
    }
    let described = session.query_classes("", "REFERENCES OF {Test_Item} WHERE SchemaOnly").await.unwrap();
    assert!(described[0].qualifiers.contains("Description"));
    let error = session.query_classes("", "SELECT * FROM Test_Base").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Usage, "{error}");
    session.close().await;
    assert_eq!(host.statistics().open_objects, 0);
}

#[tokio::test]
async fn over_ws_management_classes_are_not_written() {
    let host = Arc::new(MockHost::builder().start().await.unwrap());
    let dialled = Arc::clone(&host);
    let local = CimSession::local(Arc::new(move || Ok(dialled.in_memory())));
    let session = local.connect().await.unwrap();
    assert_eq!(session.create_class("", &colour()).await.unwrap_err().kind(), ErrorKind::Usage);
    assert_eq!(host.statistics().messages, 0);
}
