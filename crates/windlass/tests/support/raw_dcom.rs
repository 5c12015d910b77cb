//! A client of DCOM and WMI by hand, which may say what it likes.

use std::collections::HashMap;

use uuid::Uuid;
use windlass::Credential;
use windlass::net::{Error, RpcConnection, RpcOptions, RpcSecurity};
use windlass_dcom::activation::{ACTIVATION_FLAGS, RemoteCreateInstance, RemoteCreatedInstance, opnum};
use windlass_dcom::{OrpcThis, Stub, decode_response, encode_request, ids as dcom_ids};
use windlass_mock::MockHost;
use windlass_rpc::pdu::{AuthLevel, AuthType};
use windlass_rpc::{CallRequest, SyntaxId};
use windlass_wmi::ids;
use windlass_wmi::stubs::{Given, NtlmLogin, login_opnum};

pub fn security(user: &str, level: AuthLevel) -> RpcSecurity {
    let password = if user == "bob" { "hidden" } else { "secret" };
    RpcSecurity::new(Credential::password(user, password.to_owned()), "RPCSS/here")
        .with_auth_type(AuthType::NTLM)
        .with_level(level)
}

/// A connection with every interface of DCOM and WMI.
pub struct Client {
    pub connection: RpcConnection,
    contexts: HashMap<Uuid, u16>,
    security: Option<u32>,
}

/// What a login leads to.
pub struct Entered {
    pub remote_unknown: Uuid,
    pub services: Uuid,
    pub login: Uuid,
}

impl Client {
    pub async fn new(host: &MockHost, security: Option<&RpcSecurity>) -> Self {
        let port = host.rpc_addr().unwrap().port();
        let connection = RpcConnection::connect("127.0.0.1", port, RpcOptions::default()).await.unwrap();
        let own = [
            dcom_ids::OBJECT_EXPORTER,
            dcom_ids::REMOTE_SCM_ACTIVATOR,
            dcom_ids::REM_UNKNOWN2,
            ids::LEVEL1_LOGIN,
            ids::SERVICES,
            ids::ENUM_CLASS_OBJECT,
        ];
        let interfaces = own.map(|uuid| SyntaxId::new(uuid, 0, 0));
        let bound = connection.bind(&interfaces, security).await.unwrap();
        let contexts =
            interfaces.iter().map(|interface| (interface.uuid, bound.context(interface).unwrap())).collect();
        Self { connection, contexts, security: bound.security }
    }

    pub async fn send(
        &self,
        iid: Uuid,
        opnum: u16,
        object: Option<Uuid>,
        stub: Vec<u8>,
    ) -> Result<Vec<u8>, Error> {
        let context = self.contexts[&iid];
        let request = CallRequest { context, security: self.security, opnum, object, stub };
        self.connection.call(request).await
    }

    pub async fn call<Q: Stub, R: Stub>(
        &self,
        iid: Uuid,
        ipid: Uuid,
        opnum: u16,
        request: &Q,
    ) -> Result<R, u32> {
        let stub = encode_request(&OrpcThis::new(Uuid::new_v4()), request).unwrap();
        match self.send(iid, opnum, Some(ipid), stub).await {
            Ok(answer) => Ok(decode_response(&answer).unwrap().1),
            Err(Error::Fault { status, .. }) => Err(status.0),
            Err(error) => panic!("{error}"),
        }
    }

    pub async fn enter(&self, namespace: &str) -> Entered {
        let wanted = RemoteCreateInstance::new(ids::CLSID_LEVEL1_LOGIN, vec![ids::LEVEL1_LOGIN]);
        let this = OrpcThis { flags: ACTIVATION_FLAGS, ..OrpcThis::new(Uuid::new_v4()) };
        let stub = encode_request(&this, &wanted).unwrap();
        let answer =
            self.send(dcom_ids::REMOTE_SCM_ACTIVATOR, opnum::REMOTE_CREATE_INSTANCE, None, stub).await;
        let (_, created) = decode_response::<RemoteCreatedInstance>(&answer.unwrap()).unwrap();
        let (out, reply) = created.granted().unwrap();
        let login = out.interfaces[0].2.as_ref().unwrap().remote().unwrap().ipid;
        let request =
            NtlmLogin { namespace: Some(namespace.to_owned()), locale: None, flags: 0, context: None };
        let given: Given =
            self.call(ids::LEVEL1_LOGIN, login, login_opnum::NTLM_LOGIN, &request).await.unwrap();
        Entered { remote_unknown: reply.remote_unknown, services: ipid(&given), login }
    }
}

pub fn ipid(given: &Given) -> Uuid {
    given.interface.as_ref().unwrap_or_else(|| panic!("{}", given.result)).remote().unwrap().ipid
}
