//! What a build of the program leaves out, and the one that has it.

use std::fmt::Display;
use std::str::FromStr;

/// The features of the program, and whether this build has them.
const FEATURES: [(&str, bool); 4] = [
    ("cli", true),
    ("avro", cfg!(feature = "avro")),
    ("cloud", cfg!(feature = "cloud")),
    ("distributed", cfg!(feature = "distributed")),
];

/// What to tell whoever asks for something that comes with a feature which this build lacks.
pub(crate) fn built_without(what: &str, feature: &str) -> String {
    let wanted = FEATURES.iter().filter(|(name, is_there)| *is_there || *name == feature);
    let wanted: Vec<&str> = wanted.map(|(name, _)| *name).collect();
    format!(
        "this k-corrset was built without {what}; build it with `cargo build --release --features {}`",
        wanted.join(",")
    )
}

/// The value of `--workers`, `--serve` and what keeps strangers out of them.
pub(crate) fn of_cluster<T: FromStr<Err: Display>>(text: &str) -> Result<T, String> {
    if cfg!(not(feature = "distributed")) {
        return Err(built_without("clusters", "distributed"));
    }
    text.parse().map_err(|error: T::Err| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_has_what_is_there_and_what_is_wanted() {
        let told = built_without("numbers", "cloud");
        assert!(told.starts_with("this k-corrset was built without numbers; "), "{told}");
        assert!(told.contains("--features cli,") && told.contains("cloud"), "{told}");
        assert_eq!(told.contains("distributed"), cfg!(feature = "distributed"), "{told}");
    }
}
