//! The SQL that mends a table, for errors to give.
//!
//! Errors of the index say what is wrong with the data and know no SQL; what can be written
//! instead is added here, where the call, its table and the session's dialect are known.

pub(crate) mod duplicates;
pub(crate) mod frames;
pub(crate) mod near;
pub(crate) mod spelling;
pub(crate) mod text_scores;

use datafusion::arrow::compute::can_cast_types;
use datafusion::arrow::datatypes::{DataType, Field, FieldRef, Fields};
use datafusion::common::{DFSchema, ScalarValue};
use datafusion::config::ConfigOptions;
use datafusion::logical_expr::{LogicalPlan, UNNAMED_TABLE};

use crate::error::{KCorrsetError, Place, Remedy, UnfitColumns, short};
use crate::index::{ColumnNames, InputLayout, InputRoles, key_type};
use crate::udtf::advice::frames::{Change, Language};
use crate::udtf::advice::near::near_columns;
use crate::udtf::advice::spelling::Spelling;

/// Where no table is known by name.
const SOME_TABLE: &str = "...";

/// The most bytes of a subquery that is repeated.
const LONGEST_TABLE: usize = 300;

/// What is known of a call, for the SQL that mends its table.
#[derive(Debug)]
pub(crate) struct Advice<'a> {
    pub(crate) spelling: Spelling,
    /// The table as it stands behind FROM.
    table: &'a str,
    /// Its columns.
    fields: &'a Fields,
    roles: &'a InputRoles,
}

/// The table of a call as it stands behind FROM: what the call says, or the name that a plan has.
pub(crate) fn table_text(written: Option<String>, input: &LogicalPlan, config: &ConfigOptions) -> String {
    let named = || match input {
        LogicalPlan::TableScan(scan) if scan.table_name.table() == UNNAMED_TABLE => None,
        LogicalPlan::TableScan(scan) => Some(Spelling::of(config).reference(&scan.table_name)),
        LogicalPlan::SubqueryAlias(alias) => Some(Spelling::of(config).reference(&alias.alias)),
        _ => None,
    };
    let text = written.or_else(named).filter(|text| text.len() <= LONGEST_TABLE);
    text.unwrap_or_else(|| SOME_TABLE.to_string())
}

impl<'a> Advice<'a> {
    pub(crate) fn new(
        config: &ConfigOptions,
        table: &'a str,
        fields: &'a Fields,
        roles: &'a InputRoles,
    ) -> Self {
        Self { spelling: Spelling::of(config), table, fields, roles }
    }

    /// The columns of a table whose rows are answers.
    fn columns(&self) -> Option<[&'a String; 3]> {
        match &self.roles.layout {
            InputLayout::Long(ColumnNames { user, question, score }) => Some([user, question, score]),
            InputLayout::Wide { .. } => None,
        }
    }

    /// Columns that are read beside the answers.
    pub(crate) fn beside(&self) -> impl Iterator<Item = &'a String> {
        let answers = self.columns();
        let is_beside = move |name: &&String| !answers.is_some_and(|columns| columns.contains(name));
        self.roles.criterion.iter().chain(&self.roles.partition_by).filter(is_beside)
    }

    /// The name of a column of the table.
    pub(crate) fn name(&self, column: &str) -> String {
        self.spelling.name(column)
    }

    /// A remedy in the place of the table, unless it cannot be said in the language of the call.
    pub(crate) fn table<'c>(
        &self,
        effect: impl Into<String>,
        sql: String,
        change: impl Into<Option<Change<'c>>>,
    ) -> Option<Remedy> {
        let (place, sql) = match self.spelling.language {
            Language::Sql => (Place::Table, sql),
            Language::Python(data) => (Place::Data, data.changed(change.into(), &sql)?),
        };
        Some(Remedy { effect: effect.into(), place, sql })
    }

    /// The columns of the table, one of them computed by an expression; `rest` goes behind the table.
    ///
    /// Nothing where a column plays two roles, as it would have to be two columns.
    pub(crate) fn with_column(&self, column: &str, expression: &str, rest: &str) -> Option<String> {
        let Some([user, question, score]) = self.columns() else {
            let columns = self.spelling.replacing(&self.names(), &[(column, expression.to_string())]);
            return Some(self.query(&columns, rest));
        };
        let twice = |name: &String| [user, question, score].contains(&name);
        if user == question
            || user == score
            || question == score
            || self.roles.criterion.iter().chain(&self.roles.partition_by).any(twice)
        {
            return None;
        }
        let column = |name: &String| match name == column {
            true if expression != self.name(name) => format!("{expression} AS {}", self.name(column)),
            _ => self.name(name),
        };
        let columns = [user, question, score].into_iter().chain(self.beside());
        Some(self.query(&columns.map(column).collect::<Vec<_>>().join(", "), rest))
    }

    /// The names of the table's columns.
    fn names(&self) -> Vec<&str> {
        self.fields.iter().map(|field| field.name().as_str()).collect()
    }

    /// What SELECT is given for the columns of the table but some.
    pub(crate) fn columns_without(&self, excluded: &[&str]) -> String {
        self.spelling.excluding(&self.names(), excluded)
    }

    /// A subquery of the table; `rest` goes behind it.
    pub(crate) fn query(&self, select: &str, rest: &str) -> String {
        format!("(SELECT {select} FROM {}{rest})", self.table)
    }

    /// The remedy that computes one column anew, unless it is not known how.
    pub(crate) fn computed<'c>(
        &self,
        effect: impl Into<String>,
        column: &str,
        expression: Option<String>,
        change: impl Into<Option<Change<'c>>>,
    ) -> Vec<Remedy> {
        let sql = expression.and_then(|expression| self.with_column(column, &expression, ""));
        sql.and_then(|sql| self.table(effect, sql, change)).into_iter().collect()
    }

    /// What makes users or questions of values of a type that cannot be any; if nothing does,
    /// another column that can.
    pub(crate) fn for_key(&self, role: &str, column: &str, data_type: &DataType) -> Vec<Remedy> {
        let text = self.text_of(&self.name(column), data_type);
        let remedies = self.computed("make text of it", column, text, Change::Text(column));
        if remedies.is_empty() { self.other_key(role).into_iter().collect() } else { remedies }
    }

    /// Another column that likely identifies users or questions.
    fn other_key(&self, role: &str) -> Option<Remedy> {
        let free = self.free(|data_type| key_type("user", "", data_type).is_ok());
        let column = near_columns(role, role, &free).into_iter().next()?;
        Some(self.option(format!("take '{column}' for the {role}"), role, &column))
    }

    /// Columns that play no role, of certain types.
    fn free(&self, fits: impl Fn(&DataType) -> bool) -> Vec<&'a str> {
        let used = |name: &String| {
            self.columns().is_some_and(|columns| columns.contains(&name))
                || self.beside().any(|beside| beside == name)
        };
        let free = self.fields.iter().filter(|field| fits(field.data_type()) && !used(field.name()));
        free.map(|field| field.name().as_str()).collect()
    }

    /// What makes numbers of values of a type that has none; and of scores other columns that have.
    fn for_numbers(&self, role: &str, column: &str, data_type: &DataType) -> Vec<Remedy> {
        let name = self.name(column);
        // Scores that are text are looked at before anything is said of them.
        let is_text = || key_type("user", "", data_type).is_ok_and(|values| values.is_string());
        let as_numbers =
            || is_text().then(|| ("read text as numbers", format!("TRY_CAST({name} AS DOUBLE)")));
        let expression = self.number_of(&name, data_type).or_else(as_numbers);
        let effect = expression.as_ref().map(|(effect, _)| *effect).unwrap_or_default();
        let text = is_text().then(|| Change::Numbers(vec![column], Vec::new()));
        let mut remedies = self.computed(effect, column, expression.map(|(_, sql)| sql), text);
        if role == "score" {
            remedies.extend(self.other_score());
        }
        remedies
    }

    /// Another column that is likely the score.
    pub(crate) fn other_score(&self) -> Option<Remedy> {
        let free = self.free(is_score);
        let column = match free[..] {
            [only] => only.to_string(),
            _ => near_columns("score", "score", &free).into_iter().next()?,
        };
        Some(self.option(format!("take '{column}' for the score"), "score", &column))
    }

    /// The option that names a column, or a question.
    pub(crate) fn option(&self, effect: impl Into<String>, option: &str, value: &str) -> Remedy {
        let sql = self.spelling.option(option, &self.spelling.option_text(value));
        Remedy { effect: effect.into(), place: Place::Option, sql }
    }

    /// The table with the first column of each name that it has several of, if it is a query of all
    /// columns.
    pub(crate) fn first_columns(&self, schema: &DFSchema) -> Vec<Remedy> {
        let Some(columns) = self.columns() else { return Vec::new() };
        let column = |name: &String| {
            let (qualifier, _) = schema.iter().find(|(_, field)| field.name() == name)?;
            let qualifier = qualifier.map(|table| format!("{}.", self.spelling.reference(table)));
            Some(format!("{}{}", qualifier.unwrap_or_default(), self.name(name)))
        };
        let columns: Option<Vec<String>> = columns.into_iter().chain(self.beside()).map(column).collect();
        let rest = self.table.strip_prefix("(SELECT * ");
        let sql = columns.zip(rest).map(|(columns, rest)| format!("(SELECT {} {rest}", columns.join(", ")));
        sql.and_then(|sql| self.table("take the first of each name", sql, None)).into_iter().collect()
    }

    /// Questions of an option as the question column has them; and, of texts with zeros in front,
    /// the column as the option has it.
    pub(crate) fn for_questions(
        &self,
        option: &str,
        questions: &[ScalarValue],
        data_type: &DataType,
    ) -> Vec<Remedy> {
        let Some(values) =
            questions.iter().map(|it| self.value_of(it, data_type)).collect::<Option<Vec<_>>>()
        else {
            return Vec::new();
        };
        let value = match &values[..] {
            [only] => only.clone(),
            several => self.spelling.option_list(several),
        };
        let sql = self.spelling.option(option, &value);
        let mut remedies =
            vec![Remedy { effect: "say it as the column does".to_string(), place: Place::Option, sql }];
        let texts: Option<Vec<&str>> = questions.iter().map(|it| it.try_as_str().flatten()).collect();
        let widths: Vec<usize> = texts.iter().flatten().map(|text| text.chars().count()).collect();
        let padded = texts.iter().flatten().any(|text| text.starts_with('0') && text.len() > 1);
        if let Some(&width) = widths.first().filter(|width| padded && widths.iter().all(|it| it == *width)) {
            let padded = |[_, question, _]: [&'a String; 3]| {
                let text = format!("CAST({} AS VARCHAR)", self.name(question));
                // Longer ones would be cut, and be others.
                let text = format!("lpad({text}, greatest({width}, length({text})), '0')");
                let effect = format!("make text of {width} digits of the column");
                self.computed(effect, question, Some(text), Change::Padded(question, width))
            };
            remedies.extend(self.columns().into_iter().flat_map(padded));
        }
        remedies
    }

    /// A value in SQL, cast to a type.
    fn value_of(&self, value: &ScalarValue, data_type: &DataType) -> Option<String> {
        let cast = value.cast_to(data_type).ok().filter(|cast| !cast.is_null())?;
        let same =
            |text: &str| text.trim_start_matches('0').trim() == cast.to_string().trim_start_matches('0');
        match value.try_as_str().flatten() {
            Some(text) if !same(text) => None,
            Some(_) if data_type.is_numeric() => Some(cast.to_string()),
            _ => None,
        }
    }

    /// An error of the columns of a table, with what mends it.
    pub(crate) fn on_columns(&self, mut error: KCorrsetError, schema: &DFSchema) -> KCorrsetError {
        let data_type = |name: &String| {
            let field = self.fields.iter().find(|field| field.name() == name);
            field.map_or(&DataType::Null, |field| field.data_type())
        };
        let remedies = match &mut error {
            KCorrsetError::MissingColumn { role, name, near, .. } => {
                *near = near_columns(role, name, &self.free(|_| true));
                near.first().map(|column| self.option("take it", role, column)).into_iter().collect()
            }
            KCorrsetError::AmbiguousColumn { .. } => self.first_columns(schema),
            KCorrsetError::KeyType { role, name, .. } => self.for_key(role, name, data_type(name)),
            KCorrsetError::NumberType { role, name, .. } => self.for_numbers(role, name, data_type(name)),
            KCorrsetError::NumberExtensionType { name, .. } => self.for_extension(name, data_type(name)),
            KCorrsetError::NoAnswerColumns { user, .. } => {
                let names = self.names();
                let missing =
                    if user.is_some() { &["question", "score"][..] } else { &["user", "question", "score"] };
                let named = missing.iter().map(|role| {
                    let column = near_columns(role, role, &names).into_iter().next()?;
                    Some(self.option("", role, &column).sql)
                });
                let named: Option<Vec<String>> = named.collect();
                let remedy = |named: Vec<String>| Remedy {
                    effect: "take each row for an answer".to_string(),
                    place: Place::Option,
                    sql: named.join(", "),
                };
                named.map(remedy).into_iter().collect()
            }
            KCorrsetError::WideScoreTypes { columns, .. } => self.for_unfit(columns),
            _ => return error,
        };
        error.with_remedies(remedies)
    }

    /// What makes a wide table of scores of one with other columns.
    fn for_unfit(&self, columns: &UnfitColumns) -> Vec<Remedy> {
        let UnfitColumns { names, texts, user, .. } = columns;
        let [unfit, texts] = [names, texts].map(|names| names.iter().map(String::as_str).collect::<Vec<_>>());
        let mut remedies = Vec::new();
        let is_question = |name: &&str| !unfit.contains(name) && user.as_deref() != Some(*name);
        if self.names().iter().any(is_question) {
            let effect = match unfit.len() {
                1 => "leave the column out, if it is no question",
                _ => "leave the columns out, if they are no questions",
            };
            let sql = self.query(&self.columns_without(&unfit), "");
            remedies.extend(self.table(effect, sql, Change::Without(unfit.clone())));
        }
        if user.is_none() {
            let likely = near_columns("user", "user", &texts).into_iter().next();
            let name = likely.or_else(|| texts.first().map(|name| name.to_string()));
            remedies.extend(
                name.map(|name| self.option(format!("take '{}' for the user", short(&name)), "user", &name)),
            );
        }
        if !texts.is_empty() {
            let number = |name: &&str| format!("TRY_CAST({} AS DOUBLE)", self.name(name));
            let numbers: Vec<(&str, String)> = texts.iter().map(|name| (*name, number(name))).collect();
            let columns = self.spelling.replacing(&self.names(), &numbers);
            let effect = "read text as numbers, and take what is none for not answered";
            let change = Change::Numbers(texts, Vec::new());
            remedies.extend(self.table(effect, self.query(&columns, ""), change));
        }
        remedies
    }

    /// An error of the data, with what mends it.
    pub(crate) fn on_data(&self, error: KCorrsetError) -> KCorrsetError {
        if let KCorrsetError::NullKey { name, .. } = &error {
            let sql = self.query("*", &format!(" WHERE {} IS NOT NULL", self.name(name)));
            let remedies = self.table("leave them out", sql, Change::Present(name));
            return error.with_remedies(remedies.into_iter().collect());
        }
        let remedies = match &error {
            KCorrsetError::ScoreNotFinite { question, .. }
            | KCorrsetError::ColumnNotFinite { name: question, .. } => {
                let score = self.columns().map_or(question, |[_, _, score]| score);
                let finite =
                    format!("CASE WHEN abs({0}) < CAST('inf' AS DOUBLE) THEN {0} END", self.name(score));
                // NaN is greater than any number here.
                self.computed("take all such scores for NULL", score, Some(finite), Change::Finite(score))
            }
            KCorrsetError::CriterionNotFinite { criterion, .. } => {
                let finite =
                    format!("CASE WHEN abs({0}) < CAST('inf' AS DOUBLE) THEN {0} END", self.name(criterion));
                self.computed("leave such users out", criterion, Some(finite), Change::Finite(criterion))
            }
            KCorrsetError::CriterionTwice { criterion, .. } => {
                let user = match &self.roles.layout {
                    InputLayout::Long(names) => Some(&names.user),
                    InputLayout::Wide { user } => user.as_ref(),
                };
                let of_user = |effect: &str, function: &str, method: &'static str| {
                    let Some(user) = user else { return Vec::new() };
                    let of_user = self.name(user);
                    let sql = format!("{function}({}) OVER (PARTITION BY {of_user})", self.name(criterion));
                    let change = Change::OfUser { user, column: criterion, function: method };
                    self.computed(effect, criterion, Some(sql), change)
                };
                let mut remedies = of_user("take each user's average", "avg", "mean");
                remedies.extend(of_user("take each user's highest", "max", "max"));
                remedies
            }
            KCorrsetError::ScoresTooWide { name, .. } => {
                let double = format!("CAST({} AS DOUBLE)", self.name(name));
                self.computed("round them to 15 digits", name, Some(double), Change::Floats(name))
            }
            _ => return error,
        };
        error.with_remedies(remedies)
    }

    /// An expression for the text of a value, whose texts are equal where the values are.
    fn text_of(&self, value: &str, data_type: &DataType) -> Option<String> {
        let list_of =
            |element: &DataType| DataType::List(Field::new_list_field(element.clone(), true).into());
        match data_type {
            DataType::Null => None,
            DataType::Struct(fields) => {
                let field = |field: &FieldRef| {
                    let value = format!("get_field({value}, {})", self.spelling.text(field.name()));
                    match key_type("user", "", field.data_type()) {
                        Ok(_) => Some(value),
                        Err(_) => self.text_of(&value, field.data_type()),
                    }
                };
                let binary = fields.iter().any(|field| is_binary(field.data_type()));
                let fields: Vec<String> = fields.iter().map(field).collect::<Option<_>>()?;
                match &fields[..] {
                    [only] => Some(only.clone()),
                    [] => None,
                    _ if binary => None,
                    several => Some(format!("concat({})", several.join(", '/', "))),
                }
            }
            DataType::Map(entries, _) => {
                let DataType::Struct(entries) = entries.data_type() else { return None };
                let [keys, values] = &entries[..] else { return None };
                let keys = self.text_of(&format!("map_keys({value})"), &list_of(keys.data_type()))?;
                let values = self.text_of(&format!("map_values({value})"), &list_of(values.data_type()))?;
                Some(format!("concat({keys}, ' ', {values})"))
            }
            other => can_cast_types(other, &DataType::Utf8View).then(|| format!("CAST({value} AS VARCHAR)")),
        }
    }

    /// An expression that makes a number of a value, or text that may be one; and what it does.
    fn number_of(&self, value: &str, data_type: &DataType) -> Option<(&'static str, String)> {
        match data_type {
            DataType::Struct(fields) => {
                let field = fields.iter().find(|field| is_score(field.data_type()));
                let field = field.or_else(|| fields.iter().find(|field| field.data_type().is_string()))?;
                let name = self.spelling.text(field.name());
                Some(("take a field of it", format!("get_field({value}, {name})")))
            }
            DataType::List(element) | DataType::LargeList(element) | DataType::FixedSizeList(element, _)
                if is_score(element.data_type()) =>
            {
                Some(("take its first element", format!("array_element({value}, 1)")))
            }
            binary if is_binary(binary) && can_cast_types(binary, &DataType::Utf8View) => {
                Some(("take its bytes for text", format!("CAST({value} AS VARCHAR)")))
            }
            time if time.is_temporal() => Some(("count seconds", format!("date_part('epoch', {value})"))),
            _ => None,
        }
    }

    /// What takes the stored values of an extension type for the scores.
    pub(crate) fn for_extension(&self, column: &str, data_type: &DataType) -> Vec<Remedy> {
        let number = match data_type {
            DataType::Dictionary(_, values) => values.is_numeric(),
            other => is_score(other),
        };
        let cast = number.then(|| format!("CAST({} AS DOUBLE)", self.name(column)));
        self.computed("take these numbers for the scores", column, cast, Change::Floats(column))
    }
}

/// Whether a type is one of scores.
fn is_score(data_type: &DataType) -> bool {
    data_type.is_numeric() || data_type == &DataType::Boolean
}

/// Whether a type is of bytes.
pub(crate) fn is_binary(data_type: &DataType) -> bool {
    data_type.is_binary() || matches!(data_type, DataType::FixedSizeBinary(_))
}
