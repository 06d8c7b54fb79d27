//! Processors that have more than the least of their kind.

/// A [`Processor`](super::Processor) by the features that its code uses: what is detected is what code is
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

            #[inline(always)]
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
