//! Compressed output on its way to the client, see [`Packer`].

use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use windlass_wsman::xpress::{Packer, UnderWay};

use super::Received;

/// How the output of one shell is packed.
#[derive(Default)]
pub(crate) struct Packing(Mutex<State>);

#[derive(Default)]
struct State {
    packer: Packer,
    /// What was answered last, and to which command.
    under_way: Option<(Option<String>, UnderWay)>,
}

impl Packing {
    /// The client asks for more output of a command, or of the shell: it has what was sent before.
    pub(crate) fn asked(&self, command: Option<&str>) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_its = |(other, _): &mut (Option<String>, UnderWay)| other.as_deref() == command;
        if let Some((_, payload)) = state.under_way.take_if(is_its) {
            state.packer.arrived(&payload, Instant::now());
        }
    }

    /// Packs output as it travels.
    pub(crate) fn pack(&self, command: Option<&str>, received: &mut Received) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.under_way = None;
        for piece in received.pieces.iter_mut().filter(|piece| !piece.data.is_empty()) {
            let mut packed = Vec::new();
            let payload = state.packer.pack(&piece.data, Instant::now, &mut packed);
            piece.data = packed;
            state.under_way = Some((command.map(str::to_owned), payload));
        }
        // What several pieces took is no one's.
        if received.pieces.len() > 1 {
            state.under_way = None;
        }
    }
}
