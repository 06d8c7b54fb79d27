//! Names that are likely meant where a name is unknown.

use std::cmp::Ordering;

use datafusion::common::utils::datafusion_strsim::normalized_levenshtein;

/// Names of tables, columns and options are near from this likeness on; the scale ends at 1, which
/// is equality but for [`folded`] differences.
const NAMES: f64 = 0.5;

/// Names of questions often differ by a digit alone, so they have to be liker.
const QUESTIONS: f64 = 0.8;

/// So much less like than the likest, a name is not meant.
const FAR: f64 = 0.3;

/// The most names that are told.
const MOST: usize = 3;

/// Names that are spelled like the wanted one, the likest first, at most three.
pub(crate) fn near<'a>(wanted: &str, among: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    likest(wanted, among, NAMES)
}

/// Like [`near`], of questions.
pub(crate) fn near_questions<'a>(wanted: &str, among: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    likest(wanted, among, QUESTIONS)
}

/// Columns that may be meant to play a role, the likeliest first, at most three: those that are
/// spelled like the wanted name, then those that have a usual name of the role.
pub(crate) fn near_columns(role: &str, wanted: &str, among: &[&str]) -> Vec<String> {
    let mut found = near(wanted, among.iter().copied());
    let usual = among.iter().filter(|name| is_usual(role, name)).map(|name| name.to_string());
    let further: Vec<String> = usual.filter(|name| !found.contains(name)).collect();
    found.extend(further);
    found.truncate(MOST);
    found
}

fn likest<'a>(wanted: &str, among: impl IntoIterator<Item = &'a str>, least: f64) -> Vec<String> {
    let wanted = folded(wanted);
    let liken = |name: &'a str| (likeness(&wanted, &folded(name)), name);
    let mut found: Vec<(f64, &str)> =
        among.into_iter().map(liken).filter(|(like, _)| *like >= least).collect();
    let order = |x: &(f64, &str), y: &(f64, &str)| match y.0.total_cmp(&x.0) {
        Ordering::Equal => x.1.cmp(y.1),
        unequal => unequal,
    };
    found.sort_by(order);
    // Beside one that is nearly equal, others are none.
    let best = found.first().map_or(0.0, |(like, _)| *like);
    found.retain(|(like, _)| best - like < FAR);
    found.into_iter().take(MOST).map(|(_, name)| name.to_string()).collect()
}

fn likeness(x: &str, y: &str) -> f64 {
    let (shorter, longer) = if x.len() < y.len() { (x, y) } else { (y, x) };
    // `userid` and `user`
    let contained = shorter.len() >= 3 && (longer.starts_with(shorter) || longer.ends_with(shorter));
    normalized_levenshtein(x, y).max(if contained { NAMES } else { 0.0 })
}

/// A name without what is easily mistaken: letter case, blanks, hyphens, underscores and dots, and
/// zeros in front of numbers.
fn folded(name: &str) -> String {
    let mut folded = String::with_capacity(name.len());
    let mut letters = name.chars().filter(|letter| !letter.is_whitespace()).peekable();
    while let Some(letter) = letters.next() {
        let begins = !folded.ends_with(|before: char| before.is_ascii_digit());
        let more = letters.peek().is_some_and(char::is_ascii_digit);
        let is_mistaken = matches!(letter, '_' | '-' | '.') || letter == '0' && begins && more;
        if !is_mistaken {
            folded.extend(letter.to_lowercase());
        }
    }
    folded
}

/// What the columns of each role are usually called, beside what they are called here.
const USUAL: [(&str, &[&str]); 3] = [
    (
        "user",
        &[
            "user",
            "student",
            "learner",
            "pupil",
            "person",
            "participant",
            "respondent",
            "examinee",
            "candidate",
            "subject",
            "model",
        ],
    ),
    ("question", &["question", "item", "problem", "exercise", "task", "prompt", "variable"]),
    (
        "score",
        &[
            "score", "points", "point", "marks", "mark", "grade", "correct", "result", "outcome", "response",
            "value",
        ],
    ),
];

/// Whether a column has a usual name of a role, with or without "id" and the like around it.
fn is_usual(role: &str, column: &str) -> bool {
    let name = folded(column);
    let bare = ["id", "name", "number", "no", "code"].iter().find_map(|end| name.strip_suffix(end));
    let bare = bare.or_else(|| name.strip_prefix("is")).unwrap_or(&name);
    let usual = USUAL.iter().find(|(known, _)| *known == role);
    usual.is_some_and(|(_, names)| names.contains(&bare) || names.contains(&name.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_blanks_underscores_and_zeros_make_no_difference() {
        assert_eq!(near("userid", ["UserId", "question"]), ["UserId"]);
        assert_eq!(near("minusers", ["min_users", "user", "top"]), ["min_users"]);
        assert_eq!(near_questions("Q1", ["Q1      ", "Q10", "Q2"]), ["Q1      "]);
        assert_eq!(near_questions("q007", ["q7", "q70", "q17"]), ["q7"]);
        assert_eq!(near_questions("q0", ["q00", "q1"]), ["q00"]);
    }

    #[test]
    fn what_is_spelled_otherwise_is_not_near() {
        assert!(near("nothing", ["user", "question", "score"]).is_empty());
        assert!(near_questions("q9", ["q1", "q2"]).is_empty());
    }

    #[test]
    fn columns_have_usual_names() {
        let columns = ["student_id", "item", "isCorrect", "day"];
        assert_eq!(near_columns("user", "user", &columns), ["student_id"]);
        assert_eq!(near_columns("question", "question", &columns), ["item"]);
        assert_eq!(near_columns("score", "score", &columns), ["isCorrect"]);
        assert_eq!(near_columns("score", "dai", &columns), ["day", "isCorrect"]);
    }
}
