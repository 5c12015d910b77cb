//! From the arguments of a cmdlet to the computers that it is to reach, checked before anything is sent.

use std::net::IpAddr;
use std::path::{Path, PathBuf};

use windlass::kerberos::{self, Kerberos};
use windlass::net::ClientIdentity;
use windlass::{
    Authentication, Credential, ProcessCommand, Protocol, PsSession, PsSessionBuilder, PsSessionOptions,
    Target,
};
use windlass_clixml::PsValue;
use windlass_mock::powershell::{Bound, Context, Failure, text};
use windlass_psrp::host::HostInfo;

use super::{CredentialTable, Local, argument, is_over_ssh, ps_options, redirections, ssh_recipes};
use crate::credential::{self, Login};

/// The preference variable that holds default options.
const OPTION_VARIABLE: &str = "PSSessionOption";

/// Where a session is to be opened.
#[derive(Debug, Clone)]
pub(crate) enum Place {
    /// A computer by name; none is the local one.
    Computer(Option<String>),
    /// An address.
    Uri(String),
}

/// All that it takes to open a session, and to open another like it.
#[derive(Clone)]
pub(crate) struct Recipe {
    pub(crate) computer: String,
    pub(crate) target: Target,
    pub(crate) configuration: String,
    pub(crate) options: PsSessionOptions,
    /// What the remote computer is told of this one's console.
    pub(crate) host: HostInfo,
    /// The program that leads there in place of WS-Management.
    pub(crate) program: Option<ProcessCommand>,
}

impl Recipe {
    /// The session, to be opened.
    pub(crate) fn builder(&self, name: Option<&str>) -> PsSessionBuilder {
        let builder = match &self.program {
            Some(program) => PsSession::process(program.clone()),
            None => PsSession::builder(&self.computer).target(self.target.clone()),
        };
        let builder = builder
            .configuration_name(&self.configuration)
            .options(self.options.clone())
            .host_events(self.host.clone());
        match name {
            Some(name) => builder.name(name),
            None => builder,
        }
    }
}

/// The parameters by which cmdlets reach computers, as one call has them.
pub(crate) struct Reach {
    credential: Option<Credential>,
    is_explicit: bool,
    authentication: Authentication,
    identity: Option<ClientIdentity>,
    /// The tickets, for all places together. Without a configuration that can be read each place tells of that.
    kerberos: Option<Kerberos>,
}

impl Reach {
    /// Reads and checks them.
    pub(crate) fn of(local: &Local, call: &Bound) -> Result<Self, Box<Failure>> {
        let given = call.get("Credential").filter(|value| !value.is_null());
        let named = call.get("Authentication").map(text).unwrap_or_else(|| "Default".to_owned());
        let thumbprint = call.text("CertificateThumbprint").filter(|text| !text.is_empty());
        let mechanism = mechanism(&named).ok_or_else(|| {
            argument(
                local,
                "AuthenticationNotSupported",
                format!(
                    "-Authentication {named} is not supported here: use Negotiate, Kerberos, Ntlm or Basic"
                ),
            )
        })?;
        if thumbprint.is_some() && given.is_some() {
            return Err(argument(
                local,
                "InvalidParameterCombination",
                "-CertificateThumbprint and -Credential cannot be used together: a certificate takes the place of \
                 a name and a password",
            ));
        }
        if thumbprint.is_some() && !named.eq_ignore_ascii_case("Default") {
            return Err(argument(
                local,
                "InvalidParameterCombination",
                format!(
                    "-CertificateThumbprint cannot be used with -Authentication {named}, but only with Default"
                ),
            ));
        }
        if named.eq_ignore_ascii_case("NegotiateWithImplicitCredential") && given.is_some() {
            return Err(argument(
                local,
                "InvalidParameterCombination",
                "-Authentication NegotiateWithImplicitCredential uses the current user: leave out -Credential",
            ));
        }
        let identity = match thumbprint {
            Some(thumbprint) => Some(certificate(local, &thumbprint)?),
            None => None,
        };
        let is_implicit = mechanism == Authentication::NegotiateWithImplicitCredential;
        let credential = match given {
            Some(value) => Some(credential_of(local, value)?),
            None if is_implicit || identity.is_some() => None,
            None => default_credential(local),
        };
        Ok(Self {
            credential,
            is_explicit: given.is_some() || identity.is_some(),
            authentication: mechanism,
            identity,
            kerberos: kerberos::from_environment().ok(),
        })
    }

    /// The way to a place, checked as far as that goes without asking anybody.
    pub(crate) fn target(&self, local: &Local, call: &Bound, place: &Place) -> Result<Target, Box<Failure>> {
        let refused = |error: anyhow::Error| argument(local, "InvalidArgument", format!("{error:#}"));
        let mut target = match place {
            Place::Computer(name) => Target::computer(name.as_deref().unwrap_or_default()),
            Place::Uri(uri) => Target::uri(uri),
        };
        local.prepare(&mut target).map_err(refused)?;
        if let Some(port) = call.integer("Port") {
            let port = u16::try_from(port).ok().filter(|port| *port > 0);
            let port =
                port.ok_or_else(|| argument(local, "InvalidArgument", "-Port must be from 1 to 65535"))?;
            target.set_port(port);
        }
        if call.switch("UseSSL") {
            target.set_use_ssl(true);
        }
        target.set_authentication(self.authentication);
        if let Some(kerberos) = &self.kerberos {
            target.set_kerberos(kerberos.clone());
        }
        if let Some(credential) = &self.credential {
            target.set_credential(credential.clone());
        }
        if let Some(identity) = &self.identity {
            target.set_client_certificate(identity.clone());
        }
        Ok(target)
    }

    /// Where a place is, and who would log on there: for people.
    pub(crate) fn described(
        &self,
        local: &Local,
        call: &Bound,
        place: &Place,
    ) -> Result<String, Box<Failure>> {
        let mut target = self.target(local, call, place)?;
        if let Some(name) = call.text("ApplicationName").filter(|name| !name.is_empty()) {
            target.set_application_name(&name);
        }
        let logon = match (&self.credential, &self.identity) {
            (_, Some(_)) => "with a certificate".to_owned(),
            (credential, None) => logon(self.authentication, credential.as_ref()),
        };
        described(local, &target, &logon)
            .map_err(|error| argument(local, "InvalidArgument", error.to_string()))
    }

    /// Refuses an address instead of a name where nothing proves whose it is: the seed's rule. DCOM has no
    /// TLS, and NTLM proves the server to nobody.
    pub(crate) fn check_address(
        &self,
        local: &Local,
        call: &Bound,
        target: &Target,
        protocol: Protocol,
    ) -> Result<(), Box<Failure>> {
        let endpoint =
            target.endpoint().map_err(|error| argument(local, "InvalidArgument", error.to_string()))?;
        let host = endpoint.host().trim_start_matches('[').trim_end_matches(']');
        let Ok(address) = host.parse::<IpAddr>() else { return Ok(()) };
        let trusted = local.defaults.trusted_hosts.iter().any(|pattern| super::matcher(pattern)(host));
        if address.is_loopback() || call.has("ConnectionUri") {
            return Ok(());
        }
        if !self.is_explicit && self.credential.is_none() {
            return Err(argument(
                local,
                "IPAddressNeedsCredential",
                format!("{host} is an IP address: it takes -Credential to connect to one"),
            ));
        }
        let is_dcom = protocol == Protocol::Dcom;
        if (is_dcom || !endpoint.is_secure()) && !trusted {
            let other = if is_dcom { "name the computer" } else { "connect to it with -UseSSL" };
            return Err(argument(
                local,
                "IPAddressNotTrusted",
                format!(
                    "{host} is an IP address: {other}, or add it to the trusted hosts (--trusted-hosts {host})"
                ),
            ));
        }
        Ok(())
    }

    /// What it takes to open PSSessions at the places that a call names.
    pub(crate) fn sessions(
        local: &Local,
        cx: &Context<'_>,
        call: &Bound,
    ) -> Result<Vec<Recipe>, Box<Failure>> {
        match is_over_ssh(call) {
            true => ssh_recipes(local, call),
            false => Self::of(local, call)?.recipes(local, cx, call, &places(local, call)),
        }
    }

    /// What it takes to open PSSessions at these places.
    pub(crate) fn recipes(
        &self,
        local: &Local,
        cx: &Context<'_>,
        call: &Bound,
        places: &[Place],
    ) -> Result<Vec<Recipe>, Box<Failure>> {
        let preference = |name: &str| cx.runspace().variable(name).filter(|value| !value.is_null());
        let options = match call.get("SessionOption").filter(|value| !value.is_null()) {
            Some(given) => Some(given.clone()),
            None => preference(OPTION_VARIABLE),
        };
        let application = call
            .text("ApplicationName")
            .or_else(|| preference("PSSessionApplicationName").map(|value| text(&value)))
            .filter(|name| !name.is_empty());
        let configuration = call
            .text("ConfigurationName")
            .or_else(|| preference("PSSessionConfigurationName").map(|value| text(&value)))
            .filter(|name| !name.is_empty())
            .unwrap_or_else(|| "Microsoft.PowerShell".to_owned());
        let mut recipes = Vec::with_capacity(places.len());
        for place in places {
            let mut target = self.target(local, call, place)?;
            if let Some(name) = &application {
                target.set_application_name(name);
            }
            let mut session = PsSessionOptions::default();
            session.wsman.compress = true;
            if let Some(given) = &options {
                ps_options(local, given, &mut session, &mut target)
                    .map_err(|reason| argument(local, "InvalidSessionOption", reason))?;
            }
            if call.has("ConnectionUri") && call.switch("AllowRedirection") {
                target.set_max_redirections(redirections(options.as_ref()));
            }
            session.enable_network_access = call.switch("EnableNetworkAccess");
            // What is compressed can neither be read nor be rid of passwords.
            session.wsman.compress &= local.defaults.record.is_none();
            let computer = target.computer_name().to_owned();
            self.check_address(local, call, &target, Protocol::Wsman)?;
            if let Place::Computer(None) = place {
                lead_into_process(local, &mut target)?;
            }
            recipes.push(Recipe {
                computer,
                target,
                configuration: configuration.clone(),
                options: session,
                host: local.terminal.info(),
                program: None,
            });
        }
        Ok(recipes)
    }
}

/// Tells where a target is, and who would log on there.
pub(super) fn described(local: &Local, target: &Target, logon: &str) -> windlass::Result<String> {
    let endpoint = target.endpoint()?;
    let computer = target.computer_name();
    let address = match local.defaults.names.lookup(computer, endpoint.port()) {
        Some(address) => format!(" at {address}"),
        None => String::new(),
    };
    Ok(format!("{computer} ({endpoint}{address}, {logon})"))
}

pub(super) fn logon(authentication: Authentication, credential: Option<&Credential>) -> String {
    let user = match credential {
        Some(Credential::Password { domain: Some(domain), user, .. }) => format!("{domain}\\{user}"),
        Some(Credential::Password { user, .. } | Credential::Keytab { principal: user, .. }) => user.clone(),
        _ => "the current user".to_owned(),
    };
    format!("{authentication:?} as {user}")
}

/// Leads to the embedded host of this process, unless the user says where `localhost` is.
fn lead_into_process(local: &Local, target: &mut Target) -> Result<(), Box<Failure>> {
    if local.is_resolved("localhost") {
        return Ok(());
    }
    let refused = |error: anyhow::Error| argument(local, "LocalHost", format!("{error:#}"));
    let host = local.handle.block_on(local.host()).map_err(refused)?;
    host.reach(target);
    Ok(())
}

/// The certificate with this thumbprint, from the folder that WINDLASS_CERTIFICATES names, otherwise from
/// `~/.config/windlass/certificates`. Files in PKCS #12 need a password.
fn certificate(local: &Local, thumbprint: &str) -> Result<ClientIdentity, Box<Failure>> {
    let folder = std::env::var_os("WINDLASS_CERTIFICATES")
        .map(PathBuf::from)
        .or_else(|| Some(crate::config::folder()?.join("certificates")));
    let folder = folder.unwrap_or_default();
    let mut unasked = None;
    let password = |file: &Path| {
        credential::file_password(file).inspect_err(|error| unasked = Some(format!("; {error:#}"))).ok()
    };
    ClientIdentity::find(&folder, thumbprint, password).map_err(|error| {
        let error = format!("{error}{}", unasked.unwrap_or_default());
        argument(local, "CertificateNotFound", format!("-CertificateThumbprint {thumbprint}: {error}"))
    })
}

/// The computers that a call names, in place of groups their members; none is the local one.
pub(crate) fn computers(local: &Local, call: &Bound) -> Vec<Option<String>> {
    let names = call.texts("ComputerName");
    if names.is_empty() {
        return vec![None];
    }
    let names = crate::config::members(&local.defaults.groups, names).into_iter();
    names.map(|name| Some(name).filter(|name| !name.is_empty() && name != ".")).collect()
}

/// The places that a call names.
pub(crate) fn places(local: &Local, call: &Bound) -> Vec<Place> {
    let uris = call.texts("ConnectionUri");
    if !uris.is_empty() {
        return uris.into_iter().map(Place::Uri).collect();
    }
    computers(local, call).into_iter().map(Place::Computer).collect()
}

/// What the user of a credential's value logs on with: the keys of the keytab, if there is one and the value
/// is a name, otherwise a password.
pub(crate) fn credential_of(local: &Local, value: &PsValue) -> Result<Credential, Box<Failure>> {
    match &local.defaults.keytab {
        Some(keytab) if local.credentials.find(value).is_none() => {
            Ok(keytab.credential(&CredentialTable::name(value)))
        }
        _ => login_of(local, value).map(|login| Credential::password(&login.user, login.password)),
    }
}

/// What is logged on with where no cmdlet names a credential.
pub(super) fn default_credential(local: &Local) -> Option<Credential> {
    let defaults = &local.defaults;
    match (&defaults.login, &defaults.keytab, &defaults.keytab_user) {
        (Some(login), _, _) => Some(Credential::password(&login.user, login.password.clone())),
        (None, Some(keytab), Some(user)) => Some(keytab.credential(user)),
        _ => None,
    }
}

/// The login that a credential's value stands for; a name alone asks for the password.
pub(crate) fn login_of(local: &Local, value: &PsValue) -> Result<Login, Box<Failure>> {
    if let Some(login) = local.credentials.find(value) {
        return Ok(login);
    }
    let user = CredentialTable::name(value);
    if let Some(login) = local.defaults.logins.iter().find(|login| login.user.eq_ignore_ascii_case(&user)) {
        return Ok(login.clone());
    }
    match credential::find(Some(&user), None) {
        Ok(Some(login)) => {
            // So that a recording knows what to leave out.
            local.credentials.keep(login.clone());
            Ok(login)
        }
        Ok(None) => Err(argument(local, "CredentialRequired", "a credential needs the name of a user")),
        Err(error) => Err(argument(local, "CredentialRequired", format!("{error:#}"))),
    }
}

/// The mechanism of a name, of any of the cmdlets' enumerations.
pub(super) fn mechanism(name: &str) -> Option<Authentication> {
    Some(match name.to_ascii_lowercase().as_str() {
        "default" => Authentication::Default,
        "basic" => Authentication::Basic,
        "digest" => Authentication::Digest,
        "credssp" => Authentication::CredSsp,
        "kerberos" => Authentication::Kerberos,
        "negotiate" => Authentication::Negotiate,
        "negotiatewithimplicitcredential" => Authentication::NegotiateWithImplicitCredential,
        "ntlm" | "ntlmdomain" => Authentication::Ntlm,
        "none" => Authentication::Anonymous,
        _ => return None,
    })
}
