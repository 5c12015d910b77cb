//! The sessions that a CIM cmdlet works in: those given, new ones with the computers named, or one with the
//! local computer.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use windlass::{CimSession, CimSessionBuilder, CimSessionOptions, DcomOptions, OperationOptions, Protocol};
use windlass_clixml::PsValue;
use windlass_mock::powershell::{Bound, Context, Failure, Halt, Outcome, text};

use super::abreast::{abreast, in_order};
use super::throttle;
use crate::output::with_computer;
use crate::runspace::{
    CimEntry, Local, Place, Reach, argument, cim_options, computers, dcom_options, of_error, wants_dcom,
};

/// A session for one call, and what its results are marked with.
pub(super) struct Reached {
    session: CimSession,
    label: Option<String>,
    /// Whether it was opened for this call.
    is_own: bool,
}

impl Reached {
    /// A session of the user's, with the options of the call.
    fn kept(entry: &CimEntry, operation: &OperationOptions) -> Self {
        Self { session: entry.session.with_options(operation.clone()), label: entry.label(), is_own: false }
    }

    pub(super) fn session(&self) -> &CimSession {
        &self.session
    }

    pub(super) fn label(&self) -> Option<String> {
        self.label.clone()
    }

    /// Closes a session that was opened for the call.
    pub(super) async fn done(self) {
        if self.is_own {
            self.session.close().await;
        }
    }
}

/// A session, to be opened.
pub(super) struct Opening {
    pub(super) builder: CimSessionBuilder,
    pub(super) computer: Option<String>,
    pub(super) name: Option<String>,
    pub(super) protocol: Protocol,
}

/// What it takes to open the sessions of a call; checked before anything is sent. Without options, the local
/// computer is spoken to over the protocol given here.
pub(super) fn openings(
    local: &Arc<Local>,
    call: &Bound,
    computers: &[Option<String>],
    local_protocol: Protocol,
) -> Result<Vec<Opening>, Box<Failure>> {
    let given = call.get("SessionOption").filter(|value| !value.is_null());
    let is_dcom = given.is_some_and(wants_dcom);
    if is_dcom && call.has("CertificateThumbprint") {
        return Err(argument(
            local,
            "InvalidParameterCombination",
            "-CertificateThumbprint is for WS-Management, and cannot be used with options for DCOM",
        ));
    }
    let invalid = |reason: String| argument(local, "InvalidSessionOption", reason);
    let dcom = match given.filter(|_| is_dcom) {
        Some(given) => dcom_options(given).map_err(invalid)?,
        None => DcomOptions::default(),
    };
    let named_authentication = call.text("Authentication").unwrap_or_default();
    let reach = Reach::of(local, call)?;
    let mut openings = Vec::with_capacity(computers.len());
    for computer in computers {
        if computer.is_none() && named_authentication.eq_ignore_ascii_case("NtlmDomain") {
            return Err(argument(
                local,
                "InvalidParameterCombination",
                "-Authentication NtlmDomain cannot be used for the local computer",
            ));
        }
        let mut target = reach.target(local, call, &Place::Computer(computer.clone()))?;
        let mut options = CimSessionOptions::default();
        if let Some(given) = given {
            cim_options(local, given, &mut options, &mut target).map_err(invalid)?;
        }
        let is_in_process =
            computer.is_none() && !local.is_resolved("localhost") && !local.is_resolved_over_rpc("localhost");
        let protocol = match given {
            Some(_) if is_dcom => Protocol::Dcom,
            None if computer.is_none() && (is_in_process || local.is_resolved_over_rpc("localhost")) => {
                local_protocol
            }
            _ => Protocol::Wsman,
        };
        if let Some(timeout) = operation_timeout(call) {
            options.wsman.operation_timeout = timeout;
        }
        if computer.is_some() {
            reach.check_address(local, call, &target, protocol)?;
        }
        if protocol == Protocol::Dcom {
            local.prepare_rpc(&mut target, call.has("Port"));
        }
        let mut builder = if is_in_process {
            let refused = |error: anyhow::Error| argument(local, "LocalHost", format!("{error:#}"));
            let host = local.handle.block_on(local.host()).map_err(refused)?;
            if protocol == Protocol::Dcom { host.dcom_session() } else { host.cim_session() }
        } else {
            CimSession::builder(computer.as_deref().unwrap_or("localhost")).target(target).protocol(protocol)
        };
        builder = builder
            .options(options)
            .dcom_options(dcom)
            .skip_test_connection(call.switch("SkipTestConnection"));
        openings.push(Opening { builder, computer: computer.clone(), name: call.text("Name"), protocol });
    }
    Ok(openings)
}

/// What holds for the operations of a call, whoever opened the session.
fn operation(local: &Local, call: &Bound) -> Result<OperationOptions, Box<Failure>> {
    let mut operation = OperationOptions::default();
    operation.timeout = operation_timeout(call);
    match call.text("ResourceUri").filter(|uri| !uri.is_empty()) {
        Some(uri) => operation
            .resource_uri(&uri)
            .map_err(|error| argument(local, "InvalidResourceUri", error.to_string())),
        None => Ok(operation),
    }
}

/// The time that the host may take for each request, where the call says one.
fn operation_timeout(call: &Bound) -> Option<Duration> {
    let seconds = call.integer("OperationTimeoutSec").and_then(|seconds| u64::try_from(seconds).ok());
    seconds.filter(|seconds| *seconds > 0).map(Duration::from_secs)
}

/// Opens or finds the sessions of a call; errors are written for those that cannot be had.
pub(super) fn sessions(local: &Arc<Local>, call: &Bound, cx: &mut Context<'_>) -> Result<Vec<Reached>, Halt> {
    let operation = operation(local, call).map_err(|failure| cx.fail(*failure))?;
    if call.has("CimSession") {
        let mut reached = Vec::new();
        for value in call.list("CimSession") {
            match local.cim.of(&value) {
                Some(entry) => reached.push(Reached::kept(&entry, &operation)),
                None => {
                    let message = format!("{} is closed, or is not of this process", text(&value));
                    cx.error(*argument(local, "CimSessionClosed", message))?;
                }
            }
        }
        return Ok(reached);
    }
    let wanted = match call.get("InputObject").and_then(marked_computer) {
        Some(computer) if !call.has("ComputerName") => {
            // What came from a computer is looked up there again, in the user's session if there is one.
            if let Some(entry) = local.cim.on(&computer).into_iter().next() {
                return Ok(vec![Reached::kept(&entry, &operation)]);
            }
            vec![Some(computer)]
        }
        _ => computers(local, call),
    };
    let openings = openings(local, call, &wanted, Protocol::Wsman).map_err(|failure| cx.fail(*failure))?;
    let results = in_order(local, cx, openings, throttle(call), |opening: Opening| async move {
        // What the operation itself finds out need not be asked first.
        (opening.builder.skip_test_connection(true).connect().await, opening.computer)
    })?;
    let mut reached = Vec::new();
    for (result, label) in results {
        match result {
            Ok(session) => {
                let session = session.with_options(operation.clone());
                reached.push(Reached { session, label, is_own: true });
            }
            Err(error) => {
                cx.error(of_error(
                    local,
                    &error,
                    "CimSessionOpenFailed",
                    label.as_deref().unwrap_or_default(),
                ))?;
            }
        }
    }
    Ok(reached)
}

/// Works in each of a call's sessions, as many at a time as the call allows, and closes those that were opened for
/// it. Results are written as they come, marked with the computer they come from; `failure` is the id of errors.
pub(super) fn in_each<W>(
    local: &Arc<Local>,
    call: &Bound,
    cx: &mut Context<'_>,
    failure: &str,
    work: impl Fn(Arc<Reached>, Arc<Bound>) -> W,
) -> Outcome
where
    W: Future<Output = windlass::Result<Vec<PsValue>>> + Send + 'static,
{
    let reached = sessions(local, call, cx)?;
    let shared = Arc::new(call.clone());
    let at_one = |reached: Reached| {
        let (label, reached) = (reached.label(), Arc::new(reached));
        let worked = work(Arc::clone(&reached), Arc::clone(&shared));
        async move {
            let worked = worked.await;
            if let Some(reached) = Arc::into_inner(reached) {
                reached.done().await;
            }
            (label, worked)
        }
    };
    abreast(local, cx, reached, throttle(call), at_one, |_, (label, worked), cx| match worked {
        Ok(values) => values.into_iter().try_for_each(|value| match &label {
            Some(computer) => cx.write(with_computer(value, computer)),
            None => cx.write(value),
        }),
        Err(error) => cx.error(of_error(local, &error, failure, label.as_deref().unwrap_or_default())),
    })
}

/// The computer that a result came from.
pub(super) fn marked_computer(value: &PsValue) -> Option<String> {
    value.get("PSComputerName").map(text).filter(|name| !name.is_empty())
}
