//! Every operation over DCOM once, against an embedded host on loopback, for programs that look at what
//! crosses the wire.
//!
//!     dcom_conversation integrity|privacy ntlm|negotiate
//!
//! Prints the host's port, begins when it reads a line, and prints a line for each operation. The user is
//! `alice`, the password `Pa55w0rd.1`.
#![expect(clippy::print_stdout, reason = "a program that reports on the terminal")]

use std::io::{BufRead as _, Write as _};

use windlass::model::{CimClass, CimInstance, CimType, ObjectPath, PropertyDecl};
use windlass::{
    Authentication, CimSession, CimSessionBuilder, Credential, DcomOptions, Enumeration, Protocol,
    Subscription,
};
use windlass_mock::MockHost;

const USER: &str = "alice";
const PASSWORD: &str = "Pa55w0rd.1";

fn builder(port: u16, smart: bool) -> CimSessionBuilder {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let is = |word: &str| arguments.iter().any(|argument| argument == word);
    let mut options = DcomOptions::default();
    options.packet_privacy = !is("integrity");
    options.smart_enumeration = smart;
    CimSession::builder("127.0.0.1")
        .port(port)
        .credential(Credential::password(USER, PASSWORD.to_owned()))
        .authentication(if is("negotiate") { Authentication::Negotiate } else { Authentication::Ntlm })
        .protocol(Protocol::Dcom)
        .dcom_options(options)
        .namespace("root/test")
}

fn say(text: &str) {
    println!("{text}");
    // Whoever reads it may have gone.
    std::io::stdout().flush().ok();
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let host = MockHost::builder().user(USER, PASSWORD.to_owned()).rpc("127.0.0.1:0").start().await?;
    let port = host.rpc_addr().ok_or("the host does not listen")?.port();
    say(&port.to_string());
    std::io::stdin().lock().read_line(&mut String::new())?;
    for smart in [false, true] {
        let session = builder(port, smart).connect().await?;
        let mut read = 0;
        for class in ["Test_Types", "Test_Arrays", "Test_Keys", "Test_Base", "Test_Owns"] {
            read += session.enumerate("", class).collect().await?.len();
        }
        say(&format!("enumerated {read} instances"));
        read = session.query("", "SELECT Number FROM Test_Number WHERE Number < 3000").collect().await?.len();
        say(&format!("queried {read} instances"));
        let base = ObjectPath::class("Test_Base").with_key("Id", "base");
        read = session.instances(Enumeration::associators(&base)).collect().await?.len();
        say(&format!("found {read} associated"));
        say(&format!("listed {} classes", session.classes("").await?.len()));
        let item = CimInstance::new("Test_Item").with("Name", "new").with("Count", 1_u32);
        let path = session.create("", &item).await?;
        session.set_property(&path, "Count", 2_u32).await?;
        session.get(&path).await?;
        session.delete(&path).await?;
        let missing = session.get(&path).await.is_err();
        say(&format!("wrote an instance, and it is gone: {missing}"));
        let mut events = session.subscribe(Subscription::class("Test_Notice")).await?;
        let input = CimInstance::new("").with("Text", "now").with("Count", 2_u32);
        session.invoke(&ObjectPath::class("Test_Methods"), "Notify", &input).await?;
        let told = events.next().await.transpose()?.is_some();
        events.close().await;
        say(&format!("called a method, and an event came: {told}"));
        let class = CimClass::new("Demo_Thing").with_property(PropertyDecl::key("Name", CimType::String));
        session.create_class("", &class).await?;
        session.delete_class("", "Demo_Thing").await?;
        say("wrote a class");
        session.close().await;
    }
    host.shutdown().await;
    Ok(())
}
