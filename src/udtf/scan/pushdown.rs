//! SQL predicates → what the sweep can honour. Pure functions.
//!
//! A predicate is read as a [`Selection`]: bounds on r and n, and questions that must or
//! must not be in a set. Whatever it lets through is in the selection; if nothing else
//! is, the reading is *exact* and the sweep answers the predicate alone.
//!
//! ```text
//! r > 0.8 AND n >= 30             r in (0.8, ..], n in [30, ..]            exact
//! array_has(questions, 'q7')      include q7                               exact
//! array_has_any(questions, [..])  any of these                             not exact
//! questions IN ([..], [..])       these sets                               not exact
//! array_length(array_intersect(questions, [..])) <= 2    a quota           exact
//! r > 0.8 OR n > 90               both, by the least box around them       not exact
//! sin(r) > 0.5                    everything                               not exact
//! ```
//!
//! The same reading serves filters that are there when a query is planned and those that
//! arise while it runs: a dynamic filter is read as what it says at the moment. As such
//! filters only ever let less through, every reading of one holds for the rest of the
//! sweep.

use std::sync::Arc;

use datafusion::arrow::datatypes::DataType;
use datafusion::common::ScalarValue;
use datafusion::logical_expr::Operator;
use datafusion::physical_expr::expressions::{
    BinaryExpr, CaseExpr, Column, DynamicFilterPhysicalExpr, InListExpr, IsNotNullExpr, IsNullExpr, Literal,
    NotExpr,
};
use datafusion::physical_expr::{PhysicalExpr, ScalarFunctionExpr};

use crate::sweep::Bounds;
use crate::sweep::interval::FEWEST_OF_INTERVAL;
use crate::udtf::values::elements;

/// Question sets that a predicate can let through.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Selection {
    /// Their r and n.
    pub(crate) wanted: Bounds,
    /// Questions that are in all of them.
    pub(crate) include: Vec<ScalarValue>,
    /// Questions that are in none of them.
    pub(crate) exclude: Vec<ScalarValue>,
    /// Questions of which one at least is in each of them, unless there are none here.
    pub(crate) any: Vec<ScalarValue>,
    /// How many of some questions are in each of them.
    pub(crate) quotas: Vec<QuestionQuota>,
    /// Of these, each of them is one, or has all questions of one; `None` if that is not known.
    pub(crate) among: Option<Vec<Alternative>>,
}

/// Questions that are in some of the sets.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Alternative {
    pub(crate) questions: Vec<ScalarValue>,
    /// Whether there are no others in these sets.
    pub(crate) whole: bool,
}

/// From `least` to `most` of some questions, each once.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct QuestionQuota {
    pub(crate) questions: Vec<ScalarValue>,
    pub(crate) least: usize,
    pub(crate) most: usize,
}

/// The sets of which r has an interval.
const WITH_INTERVAL: Bounds = Bounds { n: [FEWEST_OF_INTERVAL, i64::MAX], ..Bounds::DEFINED };

/// The most questions of which any may be in a set, for the sweep to know. Each costs a
/// walk of its own, and what more of them leave out is hardly worth it.
const MOST_ANY: usize = 32;

/// What a predicate says.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Reading {
    /// All sets that it lets through are among these.
    pub(crate) selection: Selection,
    /// Whether it lets all of these through.
    pub(crate) exact: bool,
}

impl Selection {
    const ALL: Self = Self::of(Bounds::ALL);

    const fn of(wanted: Bounds) -> Self {
        Self {
            wanted,
            include: Vec::new(),
            exclude: Vec::new(),
            any: Vec::new(),
            quotas: Vec::new(),
            among: None,
        }
    }

    /// Sets of which each is one of some lists, in any order.
    fn of_sets(sets: Vec<Vec<ScalarValue>>) -> Self {
        let some = any_of(&first_of_each(&sets));
        let whole = |questions| Alternative { questions, whole: true };
        Self { any: some, among: Some(sets.into_iter().map(whole).collect()), ..Self::ALL }
    }

    /// What all of some predicates let through.
    pub(crate) fn of_all<'a>(
        predicates: impl IntoIterator<Item = &'a Arc<dyn PhysicalExpr>>,
        question: &DataType,
    ) -> Self {
        predicates.into_iter().map(|predicate| read(predicate, question).selection).fold(Self::ALL, Self::and)
    }

    fn and(mut self, other: Self) -> Self {
        self.wanted = self.wanted.and(other.wanted);
        self.include.extend(other.include);
        self.exclude.extend(other.exclude);
        self.quotas.extend(other.quotas);
        // Either is right, and of few sets fewer are left by the other.
        self.among = match (self.among, other.among) {
            (Some(here), Some(there)) => Some(if there.len() < here.len() { there } else { here }),
            (here, there) => here.or(there),
        };
        // Of two such demands one is kept: the one that fewer sets meet.
        if self.any.is_empty() || !other.any.is_empty() && other.any.len() < self.any.len() {
            self.any = other.any;
        }
        self
    }

    /// What each set is one of, or has all of, if that is known.
    fn alternatives(&self) -> Option<Vec<Alternative>> {
        let included = || Alternative { questions: self.include.clone(), whole: false };
        self.among.clone().or_else(|| (!self.include.is_empty()).then(|| vec![included()]))
    }

    /// Questions of which one at least is in each set, as few as are known.
    fn some_of(&self) -> &[ScalarValue] {
        if self.include.is_empty() { &self.any } else { &self.include[..1] }
    }
}

impl Reading {
    /// Of a predicate that tells nothing.
    pub(crate) const OPAQUE: Self = Self { selection: Selection::ALL, exact: false };

    const fn exactly(wanted: Bounds) -> Self {
        Self { selection: Selection::of(wanted), exact: true }
    }

    const fn within(wanted: Bounds) -> Self {
        Self { selection: Selection::of(wanted), exact: false }
    }

    fn and(self, other: Self) -> Self {
        Self { selection: self.selection.and(other.selection), exact: self.exact && other.exact }
    }

    fn or(self, other: Self) -> Self {
        let nothing = |reading: &Self| reading.selection.wanted.is_empty();
        if nothing(&self) || nothing(&other) {
            return if nothing(&self) { other } else { self };
        }
        let (x, y) = (self.selection, other.selection);
        let same_questions =
            x.include == y.include && x.exclude == y.exclude && x.any == y.any && x.quotas == y.quotas;
        let (wanted, no_more) = x.wanted.or(y.wanted);
        let among = x.alternatives().zip(y.alternatives()).map(|(mut some, others)| {
            some.extend(others);
            some
        });
        let any = match (x.some_of(), y.some_of()) {
            ([], _) | (_, []) => Vec::new(),
            (of_x, of_y) => any_of(of_x.iter().chain(of_y)),
        };
        let common = |x: Vec<ScalarValue>, y: &[ScalarValue]| {
            x.into_iter().filter(|question| y.contains(question)).collect()
        };
        Self {
            selection: Selection {
                wanted,
                include: common(x.include, &y.include),
                exclude: common(x.exclude, &y.exclude),
                any,
                quotas: x.quotas.into_iter().filter(|quota| y.quotas.contains(quota)).collect(),
                among,
            },
            exact: self.exact && other.exact && no_more && same_questions,
        }
    }
}

/// Reads a predicate over the columns `questions`, `r` and `n`, of which the first is a
/// list of the given type.
pub(crate) fn read(predicate: &Arc<dyn PhysicalExpr>, question: &DataType) -> Reading {
    let predicate = predicate.as_ref();
    if let Some(dynamic) = predicate.downcast_ref::<DynamicFilterPhysicalExpr>() {
        // What it says now; later it will say no more than that.
        return dynamic.current().map_or(Reading::OPAQUE, |current| read(&current, question));
    }
    if let Some(binary) = predicate.downcast_ref::<BinaryExpr>() {
        return match binary.op() {
            Operator::And => read(binary.left(), question).and(read(binary.right(), question)),
            Operator::Or => read(binary.left(), question).or(read(binary.right(), question)),
            &operator => compare(binary.left(), operator, binary.right(), question),
        };
    }
    if let Some(literal) = predicate.downcast_ref::<Literal>() {
        return match literal.value() {
            ScalarValue::Boolean(Some(true)) => Reading::exactly(Bounds::ALL),
            // Neither false nor NULL lets anything through.
            ScalarValue::Boolean(_) | ScalarValue::Null => Reading::exactly(Bounds::NONE),
            _ => Reading::OPAQUE,
        };
    }
    if let Some(is_null) = predicate.downcast_ref::<IsNullExpr>() {
        return match column(is_null.arg()) {
            Some("r") => Reading::exactly(Bounds::UNDEFINED),
            Some("r_low") => Reading::within(Bounds { r_low: f64::INFINITY, ..Bounds::ALL }),
            Some("questions" | "n" | "r_bound") => Reading::exactly(Bounds::NONE),
            _ => Reading::OPAQUE,
        };
    }
    if let Some(is_not_null) = predicate.downcast_ref::<IsNotNullExpr>() {
        return match column(is_not_null.arg()) {
            Some("r") => Reading::exactly(Bounds::DEFINED),
            Some("r_low" | "r_high") => Reading::exactly(WITH_INTERVAL),
            Some("questions" | "n" | "r_bound") => Reading::exactly(Bounds::ALL),
            _ => Reading::OPAQUE,
        };
    }
    if let Some(not) = predicate.downcast_ref::<NotExpr>() {
        return negated(not.arg(), question);
    }
    if let Some(list) = predicate.downcast_ref::<InListExpr>() {
        return if list.negated() { Reading::OPAQUE } else { one_of(list, question) };
    }
    if let Some(case) = predicate.downcast_ref::<CaseExpr>() {
        // Whichever branch a row takes, it is let through by one of them.
        let branches = case.when_then_expr().iter().map(|(_, then)| then).chain(case.else_expr());
        let either = branches.map(|branch| read(branch, question)).reduce(Reading::or);
        return Reading { exact: false, ..either.unwrap_or(Reading::OPAQUE) };
    }
    if let Some(function) = predicate.downcast_ref::<ScalarFunctionExpr>() {
        return match of_questions(function, question) {
            Some(Membership::All(include)) => {
                Reading { selection: Selection { include, ..Selection::ALL }, exact: true }
            }
            Some(Membership::Any(mut questions)) if questions.len() == 1 => Reading {
                selection: Selection { include: vec![questions.remove(0)], ..Selection::ALL },
                exact: true,
            },
            Some(Membership::Any(questions)) if questions.is_empty() => Reading::exactly(Bounds::NONE),
            Some(Membership::Any(questions)) => {
                Reading { selection: Selection { any: any_of(&questions), ..Selection::ALL }, exact: false }
            }
            None => Reading::OPAQUE,
        };
    }
    Reading::OPAQUE
}

/// Each question once; none at all if they are too many.
fn any_of<'a>(questions: impl IntoIterator<Item = &'a ScalarValue>) -> Vec<ScalarValue> {
    let mut any: Vec<ScalarValue> = Vec::new();
    for question in questions {
        if !any.contains(question) {
            any.push(question.clone());
        }
    }
    if any.len() > MOST_ANY { Vec::new() } else { any }
}

/// The first question of each set.
fn first_of_each(sets: &[Vec<ScalarValue>]) -> Vec<ScalarValue> {
    sets.iter().filter_map(|set| set.first().cloned()).collect()
}

/// The opposite of a predicate.
fn negated(predicate: &Arc<dyn PhysicalExpr>, question: &DataType) -> Reading {
    let Some(function) = predicate.downcast_ref::<ScalarFunctionExpr>() else { return Reading::OPAQUE };
    let exclude = match of_questions(function, question) {
        Some(Membership::Any(questions)) => questions,
        // Not all of one question is none of it.
        Some(Membership::All(questions)) if questions.len() == 1 => questions,
        Some(Membership::All(questions)) if questions.is_empty() => {
            return Reading::exactly(Bounds::NONE);
        }
        _ => return Reading::OPAQUE,
    };
    Reading { selection: Selection { exclude, ..Selection::ALL }, exact: true }
}

/// Which questions a set has to have.
enum Membership {
    All(Vec<ScalarValue>),
    Any(Vec<ScalarValue>),
}

/// `array_has(questions, 'q')` and its like; `None` for anything else.
fn of_questions(function: &ScalarFunctionExpr, question: &DataType) -> Option<Membership> {
    let [list, wanted] = function.args() else { return None };
    if column(list) != Some("questions") {
        return None;
    }
    let wanted = wanted.downcast_ref::<Literal>()?.value();
    match function.fun().name() {
        "array_has" => as_question(wanted, question).map(|wanted| Membership::All(vec![wanted])),
        "array_has_all" => questions_of(wanted, question).map(Membership::All),
        "array_has_any" => questions_of(wanted, question).map(Membership::Any),
        _ => None,
    }
}

/// A value as one of the question column's type, if that changes nothing: a cast that
/// rounds would find another question.
pub(crate) fn as_question(value: &ScalarValue, question: &DataType) -> Option<ScalarValue> {
    let cast = value.cast_to(question).ok().filter(|cast| !cast.is_null())?;
    cast.cast_to(&value.data_type()).is_ok_and(|back| back == *value).then_some(cast)
}

fn questions_of(list: &ScalarValue, question: &DataType) -> Option<Vec<ScalarValue>> {
    elements(list)?.iter().map(|value| as_question(value, question)).collect()
}

/// A comparison of a column with a value, in either order.
fn compare(
    left: &Arc<dyn PhysicalExpr>,
    operator: Operator,
    right: &Arc<dyn PhysicalExpr>,
    question: &DataType,
) -> Reading {
    let value = |side: &Arc<dyn PhysicalExpr>| side.downcast_ref::<Literal>().map(|it| it.value().clone());
    if let (Some(questions), Some(number)) = (counted(left, question), value(right)) {
        return quota(questions, operator, &number);
    }
    if let (Some(questions), Some(number), Some(operator)) =
        (counted(right, question), value(left), operator.swap())
    {
        return quota(questions, operator, &number);
    }
    let (column, operator, value) = match (column(left), value(right), column(right), value(left)) {
        (Some(column), Some(value), ..) => (column, Some(operator), value),
        (.., Some(column), Some(value)) => (column, operator.swap(), value),
        _ => return Reading::OPAQUE,
    };
    let Some(operator) = operator else { return Reading::OPAQUE };
    match (column, &value) {
        ("r", ScalarValue::Float64(Some(value))) => r_bounds(operator, *value),
        ("r_low", ScalarValue::Float64(Some(value))) => match operator {
            Operator::Gt | Operator::GtEq | Operator::Eq if !value.is_nan() => {
                Reading::within(Bounds { r_low: *value, ..WITH_INTERVAL })
            }
            _ => Reading::OPAQUE,
        },
        ("n", ScalarValue::Int64(Some(value))) => n_bounds(operator, *value),
        // A list has other elements or none, or the same in another order.
        ("questions", list) if operator == Operator::Eq => match questions_of(list, question) {
            Some(include) => {
                let among = Some(vec![Alternative { questions: include.clone(), whole: true }]);
                Reading { selection: Selection { include, among, ..Selection::ALL }, exact: false }
            }
            None => Reading::OPAQUE,
        },
        // Nothing compares with NULL.
        (_, value) if value.is_null() && compares(operator) => Reading::exactly(Bounds::NONE),
        _ => Reading::OPAQUE,
    }
}

/// The questions of which an expression tells how many are in a set, each once:
/// `array_length(array_intersect(questions, ['q1', ...]))` and its like.
fn counted(expression: &Arc<dyn PhysicalExpr>, question: &DataType) -> Option<Vec<ScalarValue>> {
    let length = expression.downcast_ref::<ScalarFunctionExpr>()?;
    let [list] = length.args() else { return None };
    if !matches!(length.fun().name(), "array_length" | "cardinality") {
        return None;
    }
    let intersect = list.downcast_ref::<ScalarFunctionExpr>()?;
    let [one, other] = intersect.args() else { return None };
    if intersect.fun().name() != "array_intersect" {
        return None;
    }
    let some = match (column(one), column(other)) {
        (Some("questions"), None) => other,
        (None, Some("questions")) => one,
        _ => return None,
    };
    let some = elements(some.downcast_ref::<Literal>()?.value())?;
    // What cannot be a question is in no set.
    let mut questions = Vec::new();
    for value in some.iter().filter_map(|value| as_question(value, question)) {
        if !questions.contains(&value) {
            questions.push(value);
        }
    }
    Some(questions)
}

/// How many of some questions there are, compared with a number.
fn quota(questions: Vec<ScalarValue>, operator: Operator, number: &ScalarValue) -> Reading {
    let Some(number) = number
        .cast_to(&DataType::Int64)
        .ok()
        .filter(|cast| cast.cast_to(&number.data_type()).is_ok_and(|back| back == *number))
    else {
        return Reading::OPAQUE;
    };
    let number = match number {
        ScalarValue::Int64(Some(number)) => number,
        ScalarValue::Int64(None) if compares(operator) => return Reading::exactly(Bounds::NONE),
        _ => return Reading::OPAQUE,
    };
    let all = questions.len() as i64;
    let (least, most) = match operator {
        Operator::Gt => (number.saturating_add(1), all),
        Operator::GtEq => (number, all),
        Operator::Lt => (0, number.saturating_sub(1)),
        Operator::LtEq => (0, number),
        Operator::Eq => (number, number),
        _ => return Reading::OPAQUE,
    };
    let (least, most) = (least.max(0), most.min(all));
    if least > most {
        return Reading::exactly(Bounds::NONE);
    }
    let quota = QuestionQuota { questions, least: least as usize, most: most as usize };
    Reading { selection: Selection { quotas: vec![quota], ..Selection::ALL }, exact: true }
}

/// Whether the result is NULL where one side is.
fn compares(operator: Operator) -> bool {
    use Operator::{Eq, Gt, GtEq, Lt, LtEq, NotEq};
    matches!(operator, Eq | NotEq | Lt | LtEq | Gt | GtEq)
}

/// Bounds on r, which is neither -0 nor NaN.
fn r_bounds(operator: Operator, value: f64) -> Reading {
    // What these are equal to, and what they are above, is told in more than one way.
    if value.is_nan() || value == 0.0 && value.is_sign_negative() {
        return Reading::OPAQUE;
    }
    let between = |low: f64, high: f64| Bounds { r: [low, high], ..Bounds::DEFINED };
    let wanted = match operator {
        Operator::Gt => between(value.next_up(), f64::INFINITY),
        Operator::GtEq => between(value, f64::INFINITY),
        Operator::Lt => between(f64::NEG_INFINITY, value.next_down()),
        Operator::LtEq => between(f64::NEG_INFINITY, value),
        Operator::Eq => between(value, value),
        _ => return Reading::OPAQUE,
    };
    Reading::exactly(wanted)
}

fn n_bounds(operator: Operator, value: i64) -> Reading {
    let between = |low: Option<i64>, high: Option<i64>| match (low, high) {
        (Some(low), Some(high)) => Bounds { n: [low, high], ..Bounds::ALL },
        _ => Bounds::NONE,
    };
    Reading::exactly(match operator {
        Operator::Gt => between(value.checked_add(1), Some(i64::MAX)),
        Operator::GtEq => between(Some(value), Some(i64::MAX)),
        Operator::Lt => between(Some(i64::MIN), value.checked_sub(1)),
        Operator::LtEq => between(Some(i64::MIN), Some(value)),
        Operator::Eq => between(Some(value), Some(value)),
        _ => return Reading::OPAQUE,
    })
}

/// `column IN (...)`: the least box around the values; of sets, these.
fn one_of(list: &InListExpr, question: &DataType) -> Reading {
    if column(list.expr()) == Some("questions") {
        let value = |value: &Arc<dyn PhysicalExpr>| Some(value.downcast_ref::<Literal>()?.value().clone());
        let values: Option<Vec<ScalarValue>> = list.list().iter().map(value).collect();
        // Nothing is equal to NULL.
        let values = values.into_iter().flatten().filter(|value| !value.is_null());
        let sets: Option<Vec<_>> = values.map(|value| questions_of(&value, question)).collect();
        return match sets {
            Some(sets) if !sets.is_empty() => Reading { selection: Selection::of_sets(sets), exact: false },
            _ => Reading::OPAQUE,
        };
    }
    let equal = list.list().iter().map(|value| compare(list.expr(), Operator::Eq, value, question));
    equal.reduce(Reading::or).unwrap_or(Reading::OPAQUE)
}

/// The name, if that is a column.
fn column(expression: &Arc<dyn PhysicalExpr>) -> Option<&str> {
    expression.downcast_ref::<Column>().map(Column::name)
}
