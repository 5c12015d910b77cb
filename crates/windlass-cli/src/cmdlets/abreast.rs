//! The same work at many places, some of them at a time.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;

use windlass::fleet;
use windlass_mock::powershell::{Context, Halt, Outcome};

use crate::runspace::Local;

/// Works at each place, at most `throttle` at a time, and hands on what comes of it as it comes, with the number of
/// the place. When the pipeline is stopped, the work that runs is dropped.
pub(super) fn abreast<C, R, F, W>(
    local: &Arc<Local>,
    cx: &mut Context<'_>,
    places: impl IntoIterator<Item = C>,
    throttle: usize,
    work: F,
    mut take: impl FnMut(usize, R, &mut Context<'_>) -> Outcome,
) -> Outcome
where
    F: Fn(C) -> W,
    W: Future<Output = R> + Send + 'static,
    R: Send + 'static,
{
    let mut everywhere = fleet(places, throttle, work);
    while let Some((place, result)) = local.wait(cx, everywhere.next())? {
        take(place, result, cx)?;
    }
    Ok(())
}

/// Works at each place, at most `throttle` at a time. What comes of it has the order of the places.
pub(super) fn in_order<C, R, F, W>(
    local: &Arc<Local>,
    cx: &mut Context<'_>,
    places: impl IntoIterator<Item = C>,
    throttle: usize,
    work: F,
) -> Result<Vec<R>, Halt>
where
    F: Fn(C) -> W,
    W: Future<Output = R> + Send + 'static,
    R: Send + 'static,
{
    let mut results = BTreeMap::new();
    abreast(local, cx, places, throttle, work, |place, result, _| {
        results.insert(place, result);
        Ok(())
    })?;
    Ok(results.into_values().collect())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::sync::Barrier;
    use windlass_clixml::PsValue;
    use windlass_mock::powershell::{
        CommandInfo, Commands, Emission, LocalRunspace, Sink, Stage, Stop, Variables, stage,
    };

    use super::*;
    use crate::runspace::Defaults;
    use crate::terminal::Nobody;

    /// Works at four places, of which each needs another one that is at work.
    struct Pairs(Arc<Local>);

    impl Stage for Pairs {
        fn process(&mut self, _: &mut Context<'_>, _: Option<PsValue>) -> Outcome {
            Ok(())
        }

        fn end(&mut self, cx: &mut Context<'_>) -> Outcome {
            let pair = Arc::new(Barrier::new(2));
            let results = in_order(&self.0, cx, 0..4, 2, |place: i32| {
                let pair = Arc::clone(&pair);
                async move {
                    let met = tokio::time::timeout(Duration::from_secs(60), pair.wait()).await;
                    (place, met.is_ok())
                }
            })?;
            results.into_iter().filter(|(_, met)| *met).try_for_each(|(place, _)| cx.write(place))
        }
    }

    #[derive(Default)]
    struct Written(Vec<PsValue>);

    impl Sink for Written {
        fn emit(&mut self, emission: Emission) -> Outcome {
            if let Emission::Output(value) = emission {
                self.0.push(value);
            }
            Ok(())
        }
    }

    #[test]
    fn places_are_worked_at_side_by_side_and_told_in_order() {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let local = Local::new(runtime.handle().clone(), Defaults::default(), Arc::new(Nobody));
        let mut commands = Commands::built_in();
        let info = CommandInfo::new("Test-Pairs", &[]).unwrap();
        commands.add(stage(info, move |_| Ok(Pairs(Arc::clone(&local)))));
        let runspace = LocalRunspace::new(commands, Variables::default(), 80);
        let script = runspace.parse("Test-Pairs").unwrap();
        let mut written = Written::default();
        assert!(runspace.run("Test-Pairs", script, &Stop::default(), &mut written));
        assert_eq!(written.0, [0, 1, 2, 3].map(PsValue::from));
    }
}
