//! `PSCopyRemoteUtils`: what `Copy-Item` asks about paths of the other side.

use windlass_clixml::PsValue;

use super::{place, refused, table};
use crate::files::Files;
use crate::powershell::bind::Bound;
use crate::powershell::cmdlet::Outcome;
use crate::powershell::context::Context;

pub(super) const SETS: &[&str] = &["-dirPathExists <string>", "-pathToValidate <string> [-sourceIsRemote]"];

pub(super) fn run(files: &Files, call: &Bound, cx: &mut Context<'_>) -> Outcome {
    if call.has("dirPathExists") {
        let at = place(files, call, "dirPathExists", cx)?;
        return cx.write(table([("Exists", files.is_directory(&at).into())]));
    }
    let at = place(files, call, "pathToValidate", cx)?;
    if !at.is_absolute() {
        return answer(cx, PsValue::Null, PsValue::Null, false);
    }
    let found = files.matching(&call.text("pathToValidate").unwrap_or_default());
    let found = found.map_err(|refusal| cx.fail(refused("pathToValidate", &refusal)))?;
    let exists = !found.is_empty();
    let root = if call.switch("sourceIsRemote") && !exists { PsValue::Null } else { at.drive().into() };
    answer(cx, exists.into(), root, true)
}

fn answer(cx: &mut Context<'_>, exists: PsValue, root: PsValue, is_absolute: bool) -> Outcome {
    cx.write(table([("Exists", exists), ("Root", root), ("IsAbsolute", is_absolute.into())]))
}
