//! From the arguments of a cmdlet to the computers that it is to reach, checked before anything is sent.

use std::net::IpAddr;
use std::path::{Path, PathBuf};

use windlass::net::ClientIdentity;
use windlass::{Authentication, Credential, PsSession, PsSessionBuilder, PsSessionOptions, Target};
use windlass_clixml::PsValue;
use windlass_mock::powershell::{Bound, Context, Failure, text};

use super::{CredentialTable, Local, argument, ps_options, redirections};
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
}

impl Recipe {
    /// The session, to be opened.
    pub(crate) fn builder(&self, name: Option<&str>) -> PsSessionBuilder {
        let builder = PsSession::builder(&self.computer)
            .target(self.target.clone())
            .configuration_name(&self.configuration)
            .options(self.options.clone());
        match name {
            Some(name) => builder.name(name),
            None => builder,
        }
    }
}

/// The parameters by which cmdlets reach computers, as one call has them.
pub(crate) struct Reach {
    login: Option<Login>,
    is_explicit: bool,
    authentication: Authentication,
    identity: Option<ClientIdentity>,
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
                format!("-Authentication {named} is not supported here: use Negotiate, Kerberos or Basic"),
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
        let login = match given {
            Some(value) => Some(login_of(local, value)?),
            None => local.defaults.login.clone(),
        };
        Ok(Self {
            login,
            is_explicit: given.is_some() || identity.is_some(),
            authentication: mechanism,
            identity,
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
        if let Some(login) = &self.login {
            target.set_credential(Credential::password(&login.user, login.password.clone()));
        }
        if let Some(identity) = &self.identity {
            target.set_client_certificate(identity.clone());
        }
        Ok(target)
    }

    /// Refuses an address instead of a name where nothing proves whose it is: the seed's rule.
    pub(crate) fn check_address(
        &self,
        local: &Local,
        call: &Bound,
        target: &Target,
    ) -> Result<(), Box<Failure>> {
        let endpoint =
            target.endpoint().map_err(|error| argument(local, "InvalidArgument", error.to_string()))?;
        let host = endpoint.host().trim_start_matches('[').trim_end_matches(']');
        let Ok(address) = host.parse::<IpAddr>() else { return Ok(()) };
        let trusted = local.defaults.trusted_hosts.iter().any(|pattern| super::matcher(pattern)(host));
        if address.is_loopback() || call.has("ConnectionUri") {
            return Ok(());
        }
        if !self.is_explicit && self.login.is_none() {
            return Err(argument(
                local,
                "IPAddressNeedsCredential",
                format!("{host} is an IP address: it takes -Credential to connect to one"),
            ));
        }
        if !endpoint.is_secure() && !trusted {
            return Err(argument(
                local,
                "IPAddressNotTrusted",
                format!(
                    "{host} is an IP address: connect to it with -UseSSL, or add it to the trusted hosts \
                     (--trusted-hosts {host})"
                ),
            ));
        }
        Ok(())
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
            let computer = target.computer_name().to_owned();
            self.check_address(local, call, &target)?;
            if let Place::Computer(None) = place {
                lead_into_process(local, &mut target)?;
            }
            recipes.push(Recipe { computer, target, configuration: configuration.clone(), options: session });
        }
        Ok(recipes)
    }
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
        .or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".config/windlass/certificates")));
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

/// The places that a call names.
pub(crate) fn places(call: &Bound) -> Vec<Place> {
    let uris = call.texts("ConnectionUri");
    if !uris.is_empty() {
        return uris.into_iter().map(Place::Uri).collect();
    }
    let names = call.texts("ComputerName");
    if names.is_empty() {
        return vec![Place::Computer(None)];
    }
    let place = |name: String| Place::Computer(Some(name).filter(|name| !name.is_empty() && name != "."));
    names.into_iter().map(place).collect()
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
        Ok(Some(login)) => Ok(login),
        Ok(None) => Err(argument(local, "CredentialRequired", "a credential needs the name of a user")),
        Err(error) => Err(argument(local, "CredentialRequired", format!("{error:#}"))),
    }
}

/// The mechanism of a name, of any of the cmdlets' enumerations.
fn mechanism(name: &str) -> Option<Authentication> {
    Some(match name.to_ascii_lowercase().as_str() {
        "default" => Authentication::Default,
        "basic" => Authentication::Basic,
        "digest" => Authentication::Digest,
        "credssp" => Authentication::CredSsp,
        "kerberos" => Authentication::Kerberos,
        "negotiate" => Authentication::Negotiate,
        "negotiatewithimplicitcredential" => Authentication::NegotiateWithImplicitCredential,
        "ntlmdomain" => Authentication::Ntlm,
        "none" => Authentication::Anonymous,
        _ => return None,
    })
}
