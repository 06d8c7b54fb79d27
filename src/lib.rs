mod compensated;
pub mod error;
pub mod index;
pub mod sweep;
pub mod udtf;
pub use error::KCorrsetError;
pub use udtf::{KCorrsetExt, KCorrsetOptions, register_all};
