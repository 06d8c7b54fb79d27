//! Argument expressions → a typed request.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef};
use datafusion::arrow::datatypes::{DataType, Field};
use datafusion::common::ScalarValue;
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::config::ConfigOptions;
use datafusion::error::Result;
use datafusion::logical_expr::expr::Placeholder;
use datafusion::logical_expr::simplify::SimplifyContext;
use datafusion::logical_expr::{Expr, LogicalPlan};
use datafusion::optimizer::simplify_expressions::ExprSimplifier;

use crate::error::{KCorrsetError, Place, Remedy};
use crate::udtf::asked_sets::{AskedSets, sets_of_constant};
use crate::udtf::options::KCorrsetOptions;
use crate::udtf::options::rules::{COLUMNS, Expected, OptionRule, SETS, option_names, rule};
use crate::udtf::set_sizes::SetSizes;
use crate::udtf::values::{display, elements, integer, text};

/// The arguments of a call beside its table: expressions without columns, which may
/// hold placeholders.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Hash)]
pub(crate) struct Arguments {
    pub(crate) k: Option<Expr>,
    /// Sets that are a list of lists.
    pub(crate) sets: Option<Expr>,
    /// By name, each once.
    pub(crate) options: Vec<(String, Expr)>,
}

impl Arguments {
    /// k and options by name, of which `sets` may be one.
    ///
    /// # Errors
    /// An option is unknown, or given more than once.
    pub(crate) fn try_new(k: Option<Expr>, given: Vec<(String, Expr)>) -> Result<Self, KCorrsetError> {
        let (mut sets, mut options) = (None, Vec::new());
        for (place, (name, value)) in given.iter().enumerate() {
            if given[..place].iter().any(|(other, _)| other.eq_ignore_ascii_case(name)) {
                return Err(KCorrsetError::OptionTwice { name: name.clone() });
            }
            if name.eq_ignore_ascii_case(SETS) {
                sets = Some(value.clone());
            } else {
                rule(name)?;
                options.push((name.clone(), value.clone()));
            }
        }
        Ok(Self { k, sets, options })
    }

    /// All expressions, in a fixed order.
    pub(crate) fn expressions(&self) -> impl Iterator<Item = &Expr> {
        self.k.iter().chain(&self.sets).chain(self.options.iter().map(|(_, value)| value))
    }

    /// These arguments with other expressions, in that order.
    pub(crate) fn with_expressions(&self, expressions: Vec<Expr>) -> Self {
        let mut expressions = expressions.into_iter().map(Expr::unalias);
        let mut next = |old: &Option<Expr>| old.as_ref().and_then(|_| expressions.next());
        let (k, sets) = (next(&self.k), next(&self.sets));
        let options = self.options.iter().map(|(name, _)| name.clone()).zip(expressions).collect();
        Self { k, sets, options }
    }

    /// These arguments, as far as they can be computed by now.
    pub(crate) fn simplified(self, config: &ConfigOptions) -> Result<Self> {
        let expressions = self.expressions().map(|argument| simplified(argument.clone(), config));
        let expressions = expressions.collect::<Result<_>>()?;
        Ok(self.with_expressions(expressions))
    }

    /// The first placeholder in them that has no value yet.
    pub(crate) fn placeholder(&self) -> Option<String> {
        self.expressions().find_map(placeholder)
    }

    /// These arguments, with types for placeholders that have none: those that their
    /// argument expects, where questions are of the given type.
    pub(crate) fn with_placeholder_types(self, question: &DataType) -> Result<Self> {
        let set = || DataType::new_list(DataType::new_list(question.clone(), true), true);
        let k = self.k.as_ref().map(|_| DataType::Int64);
        let sets = self.sets.as_ref().map(|_| set());
        let of_options =
            self.options.iter().map(|(name, _)| match rule(name).map(|rule| &rule.placeholder) {
                Ok(Expected::Type(data_type)) => data_type.clone(),
                Ok(Expected::Question) | Err(_) => question.clone(),
            });
        let expected = k.into_iter().chain(sets).chain(of_options);
        let typed = expected
            .zip(self.expressions())
            .map(|(expected, expression)| with_placeholder_type(expression.clone(), &expected));
        let typed = typed.collect::<Result<_>>()?;
        Ok(self.with_expressions(typed))
    }

    /// Which sets are asked for, and the options; `given` are the sets of a table, if that has them.
    ///
    /// # Errors
    /// An argument is no literal, or not of its type or range; arguments do not go together.
    pub(crate) fn typed(&self, given: Option<LogicalPlan>) -> Result<(AskedSets, KCorrsetOptions)> {
        let options = self.typed_options(false)?;
        options.check()?;
        Ok((self.asked_sets(given)?, options))
    }

    fn asked_sets(&self, given: Option<LogicalPlan>) -> Result<AskedSets> {
        let constant = |sets: &Expr| match sets {
            Expr::Literal(value, _) => sets_of_constant(value),
            other => {
                let got = other.to_string();
                Err(KCorrsetError::SetsType { got, remedies: Vec::new() }.into())
            }
        };
        let given = match given {
            Some(given) => Some(given),
            None => self.sets.as_ref().map(constant).transpose()?,
        };
        // A host of functions alone has no other way to leave k out.
        let left_out = |k: &Expr| given.is_some() && matches!(k, Expr::Literal(value, _) if value.is_null());
        match (self.k.as_ref().filter(|k| !left_out(k)), given) {
            (Some(k), None) => Ok(AskedSets::OfSizes(set_sizes(k)?)),
            (None, Some(given)) => Ok(AskedSets::Given(given)),
            (Some(_), Some(_)) => Err(KCorrsetError::SetsOption { option: "k" }.into()),
            (None, None) => Err(KCorrsetError::ArgumentCount { got: 1 }.into()),
        }
    }

    /// The options without those that are still to come: with a placeholder in them.
    ///
    /// # Errors
    /// An option is not of its type or range; or it names a column and has a placeholder,
    /// so that the type of the result would not be known.
    pub(crate) fn options_so_far(&self) -> Result<KCorrsetOptions, KCorrsetError> {
        self.typed_options(true)
    }

    fn typed_options(&self, so_far: bool) -> Result<KCorrsetOptions, KCorrsetError> {
        let mut options = KCorrsetOptions::default();
        for (name, value) in &self.options {
            let rule = rule(name)?;
            if so_far && !COLUMNS.contains(&rule.name) && placeholder(value).is_some() {
                continue;
            }
            let set = match value {
                Expr::Literal(value, _) => (rule.set)(&mut options, value),
                _ => None,
            };
            set.ok_or_else(|| KCorrsetError::OptionValue {
                name: name.clone(),
                expected: rule.expected,
                got: display_expression(value),
                valid: option_names(),
                remedies: meant(rule, value),
            })?;
        }
        Ok(options)
    }
}

/// An expression without columns, computed unless it has a placeholder.
pub(crate) fn simplified(expression: Expr, config: &ConfigOptions) -> Result<Expr> {
    let config = Arc::new(config.clone());
    let context = SimplifyContext::builder().with_config_options(config).with_current_time().build();
    let schema = Arc::clone(context.schema());
    let simplifier = ExprSimplifier::new(context);
    simplifier.simplify(simplifier.coerce(expression, &schema)?)
}

fn with_placeholder_type(expression: Expr, expected: &DataType) -> Result<Expr> {
    let typed = expression.transform(|node| match node {
        Expr::Placeholder(Placeholder { id, field: None }) => {
            let field = Field::new("", expected.clone(), true);
            Ok(Transformed::yes(Expr::Placeholder(Placeholder { id, field: Some(Arc::new(field)) })))
        }
        other => Ok(Transformed::no(other)),
    });
    Ok(typed?.data)
}

fn placeholder(expression: &Expr) -> Option<String> {
    let mut found = None;
    // The closure does not fail.
    let _ = expression.apply(|node| match node {
        Expr::Placeholder(placeholder) => {
            found = Some(placeholder.id.clone());
            Ok(TreeNodeRecursion::Stop)
        }
        _ => Ok(TreeNodeRecursion::Continue),
    });
    found
}

/// Whether an argument has options in it.
pub(crate) fn is_struct(argument: &Expr) -> bool {
    match argument {
        Expr::Literal(value, _) => matches!(value, ScalarValue::Struct(_)),
        Expr::ScalarFunction(function) => function.name() == "named_struct",
        _ => false,
    }
}

/// The options of a struct: `{'min_users': 30}` or `named_struct('min_users', $1)`.
///
/// # Errors
/// It is something else.
pub(crate) fn struct_options(argument: Expr) -> Result<Vec<(String, Expr)>, KCorrsetError> {
    let refuse = |got| Err(KCorrsetError::OptionsArgument { got });
    match &argument {
        Expr::Literal(ScalarValue::Struct(fields), _) if fields.len() == 1 => {
            let value = |(name, column): (&str, &ArrayRef)| {
                let value = ScalarValue::try_from_array(column, 0).unwrap_or(ScalarValue::Null);
                (name.to_string(), Expr::Literal(value, None))
            };
            Ok(fields.column_names().into_iter().zip(fields.columns()).map(value).collect())
        }
        Expr::ScalarFunction(function) if function.name() == "named_struct" => {
            let pair = |pair: &[Expr]| match pair {
                [Expr::Literal(name, _), value] => Some((text(name)?, value.clone())),
                _ => None,
            };
            let options: Option<Vec<_>> = function.args.chunks(2).map(pair).collect();
            options.map_or_else(|| refuse(argument.to_string()), Ok)
        }
        other => refuse(display_expression(other)),
    }
}

/// The second argument: k, or a list of several.
fn set_sizes(argument: &Expr) -> Result<SetSizes, KCorrsetError> {
    let Expr::Literal(value, _) = argument else {
        return Err(KCorrsetError::SubsetSizeType { got: argument.to_string() });
    };
    let refuse = || KCorrsetError::SubsetSizeType { got: display(value) };
    let size = |element: &ScalarValue| {
        let size = integer(element).ok_or_else(refuse)?;
        if size < 1 {
            return Err(KCorrsetError::SubsetSizeRange { got: display(element) });
        }
        // No table has so many questions; there are no such sets, as for any k above theirs.
        Ok(usize::try_from(size).unwrap_or(usize::MAX))
    };
    match value {
        ScalarValue::List(_) | ScalarValue::LargeList(_) | ScalarValue::FixedSizeList(_) => {
            let sizes = elements(value).filter(|sizes| !sizes.is_empty()).ok_or_else(refuse)?;
            Ok(SetSizes::from(sizes.iter().map(size).collect::<Result<Vec<_>, _>>()?))
        }
        one => Ok(SetSizes::from(size(one)?)),
    }
}

/// The error for an option whose value is no constant, such as a name or a subquery.
pub(crate) fn no_constant(name: &str, got: String, remedies: Vec<Remedy>) -> KCorrsetError {
    match rule(name) {
        Ok(rule) => {
            let (name, expected, valid) = (rule.name.to_string(), rule.expected, option_names());
            KCorrsetError::OptionValue { name, expected, got, valid, remedies }
        }
        Err(unknown) => unknown,
    }
}

/// Whether the value of an option can be text.
pub(crate) fn takes_text(name: &str) -> bool {
    let text =
        |rule: &OptionRule| !matches!(rule.placeholder, Expected::Type(DataType::Int64 | DataType::Boolean));
    rule(name).is_ok_and(text)
}

/// An option with the value that was meant by one of another type, where that is plain.
fn meant(rule: &OptionRule, value: &Expr) -> Vec<Remedy> {
    let Expr::Literal(value, _) = value else { return Vec::new() };
    let text = match value {
        value if value.is_null() => "null".to_string(),
        value => value.to_string().trim().to_lowercase(),
    };
    let meant = match (&rule.placeholder, text.as_str()) {
        (Expected::Type(DataType::Boolean), "true" | "yes" | "on" | "1" | "t" | "y") => {
            Some("true".to_string())
        }
        (Expected::Type(DataType::Boolean), "false" | "no" | "off" | "0" | "f" | "n") => {
            Some("false".to_string())
        }
        (Expected::Type(DataType::Int64), text) => {
            let whole = text.parse::<f64>().ok().filter(|number| number.fract() == 0.0 && *number >= 0.0);
            let taken = |number: &f64| {
                let number = ScalarValue::from(*number as i64);
                (rule.set)(&mut KCorrsetOptions::default(), &number).is_some()
            };
            whole.filter(|number| *number < 1e15 && taken(number)).map(|number| format!("{number}"))
        }
        _ if rule.name == "undefined" && value.is_null() => Some("'null'".to_string()),
        _ => None,
    };
    let remedy = |meant| Remedy {
        effect: "say what was likely meant".to_string(),
        place: Place::Option,
        sql: format!("{} => {meant}", rule.name),
    };
    meant.map(remedy).into_iter().collect()
}

/// An argument as errors show it.
pub(crate) fn display_expression(expression: &Expr) -> String {
    match expression {
        Expr::Literal(value, _) => display(value),
        other => other.to_string(),
    }
}
