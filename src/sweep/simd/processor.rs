//! Proofs that a processor has certain instructions.

use std::fmt::Debug;

use super::{InstructionSet, Task};

/// A processor of a certain kind. Its value is the proof that this one is of the kind.
pub(crate) trait Processor: Copy + Debug + Send + Sync + 'static {
    /// The name, in settings and in plans.
    const NAME: &'static str;

    /// The proof, if there is one.
    fn detect() -> Option<Self>;

    /// Runs a task with all its code compiled for such processors.
    fn run<T: Task>(self, task: T) -> T::Output
    where
        Self: InstructionSet;
}

/// A [`Processor`] by the features that its code uses: what is detected is what code is
/// compiled for, as both are one list.
macro_rules! processor {
    ($(#[$doc:meta])* $name:ident, named $text:literal, if $detected:ident: $($feature:tt),+) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) struct $name(());

        impl $crate::sweep::simd::Processor for $name {
            const NAME: &'static str = $text;

            fn detect() -> Option<Self> {
                ($(std::arch::$detected!($feature))&&+).then_some(Self(()))
            }

            fn run<T: $crate::sweep::simd::Task>(self, task: T) -> T::Output {
                #[target_feature($(enable = $feature),+)]
                fn run<T: $crate::sweep::simd::Task>(task: T, processor: $name) -> T::Output {
                    task.run(processor)
                }
                // SAFETY: `self` comes out of `detect`, which has seen all that `run` needs.
                unsafe { run(task, self) }
            }
        }
    };
}
pub(super) use processor;
