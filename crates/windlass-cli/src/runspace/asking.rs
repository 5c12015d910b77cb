//! Calls that remote scripts make to the host: the screen shows them, or the user is asked.

use windlass::HostRequest;
use windlass_mock::powershell::{Emission, Outcome, Stop};
use windlass_psrp::host::HostMethod;

use super::Local;
use crate::terminal::{Talk, answer, is_question};

/// Shows a call, or asks the user and answers it. `mark` stands before what is asked, so that questions from
/// several computers can be told apart.
pub(crate) fn host_call(
    local: &Local,
    request: &HostRequest,
    mark: Option<&str>,
    stop: &Stop,
    emit: &mut dyn FnMut(Emission) -> Outcome,
) -> Outcome {
    if !request.expects_answer() {
        return emit(Emission::HostCall(Box::new(request.method().clone())));
    }
    let mut say = |text: &str| {
        let method = HostMethod::Write1 { value: text.into() };
        emit(Emission::HostCall(Box::new(method)))
    };
    let go_on = || request.is_wanted() && !stop.is_stopped();
    let is_seen = local.terminal.is_interactive();
    let mark = mark.filter(|_| is_seen && is_question(request.method()));
    say(&mark.map(|mark| format!("[{mark}] ")).unwrap_or_default())?;
    let mut talk = Talk { say: &mut say, terminal: local.terminal.as_ref(), go_on: &go_on };
    request.answer(answer(request.method(), request.warning(), &mut talk)?);
    Ok(())
}
