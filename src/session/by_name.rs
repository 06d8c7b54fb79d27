//! Files of one table, joined by the names of their columns.
//!
//! Text is read by position, so of two files with their columns in different orders one would have
//! its users taken for questions. Files that are read alike and have the same columns in the same
//! order are a table of their own, and these are joined by name: where a file lacks a column, it is
//! NULL, and where types differ, all have one that takes the values of each.

use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::catalog::TableProvider;
use datafusion::common::{Column as ColumnName, ScalarValue, plan_datafusion_err};
use datafusion::datasource::file_format::FileFormat;
use datafusion::datasource::listing::{ListingOptions, ListingTable, ListingTableConfig, ListingTableUrl};
use datafusion::datasource::{ViewTable, provider_as_source};
use datafusion::error::{DataFusionError, Result};
use datafusion::functions::expr_fn::{btrim, replace};
use datafusion::logical_expr::type_coercion::binary::type_union_resolution;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, cast, lit};

use crate::session::column::Written;
use crate::session::whole_files::WholeFiles;

/// How files are read; those of which it is the same may be one table.
pub(super) trait Reading: Clone {
    /// Whether columns are found by their names, in whatever order they are and whichever there are.
    const BY_NAME: bool;

    /// The way for the files of both, if there is one.
    fn with(&self, other: &Self) -> Option<Self>;

    fn format(&self) -> Arc<dyn FileFormat>;

    /// Whether files cannot be cut into ranges.
    fn is_whole(&self) -> bool;
}

/// The one way of reading files that are all of one format.
#[derive(Debug, Clone)]
pub(super) struct OneFormat<const BY_NAME: bool>(pub(super) Arc<dyn FileFormat>);

impl<const BY_NAME: bool> Reading for OneFormat<BY_NAME> {
    const BY_NAME: bool = BY_NAME;

    fn with(&self, _: &Self) -> Option<Self> {
        Some(self.clone())
    }

    fn format(&self) -> Arc<dyn FileFormat> {
        Arc::clone(&self.0)
    }

    fn is_whole(&self) -> bool {
        false
    }
}

/// A column of a file.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Column {
    pub(super) name: String,
    pub(super) data_type: DataType,
    pub(super) written: Written,
}

/// Files that are read alike and have the same columns, in the same order.
#[derive(Debug)]
pub(super) struct Group<R> {
    reading: R,
    /// With types for the values of all of these files.
    columns: Vec<Column>,
    files: Vec<ListingTableUrl>,
}

/// The files of a table, in groups.
#[derive(Debug)]
pub(super) struct Groups<R>(Vec<Group<R>>);

/// The folder whose folders are columns, and the names of these.
pub(super) type Folders = (ListingTableUrl, Vec<String>);

impl<R: Reading> Groups<R> {
    pub(super) fn new() -> Self {
        Self(Vec::new())
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// Adds a file to the group that is like it.
    pub(super) fn add(&mut self, reading: R, columns: Vec<Column>, file: ListingTableUrl) {
        for group in &mut self.0 {
            let both = group.reading.with(&reading).zip(group.columns_with(&columns));
            if let Some((reading, columns)) = both {
                (group.reading, group.columns) = (reading, columns);
                group.files.push(file);
                return;
            }
        }
        self.0.push(Group { reading, columns, files: vec![file] });
    }

    /// The error for files that cannot be joined by name, if there are such.
    pub(super) fn differ(&self) -> Option<DataFusionError> {
        let [first, .., other] = &self.0[..] else { return None };
        let same = first.columns.iter().map(|column| &column.name);
        let how = if same.eq(other.columns.iter().map(|column| &column.name)) {
            " (written in different ways)"
        } else {
            ""
        };
        Some(plan_datafusion_err!(
            "the files of a table must have the same columns in the same order where the table's columns are \
             declared, or folders are columns; {} has {}, and {} has {}{how}",
            first.files[0],
            first.names(),
            other.files[0],
            other.names()
        ))
    }

    /// The rows of all files.
    ///
    /// # Arguments
    /// `has_rows`: whether any file has; where none has, columns are of a type that suits any role.
    ///
    /// # Errors
    /// The groups differ, and folders are columns.
    pub(super) fn table(
        mut self,
        folders: Option<Folders>,
        has_rows: bool,
    ) -> Result<Arc<dyn TableProvider>> {
        if !has_rows {
            let columns = self.0.iter_mut().flat_map(|group| &mut group.columns);
            columns
                .filter(|column| column.data_type == DataType::Null)
                .for_each(|column| column.data_type = DataType::Int64);
        }
        if folders.is_some()
            && let Some(error) = self.differ()
        {
            return Err(error);
        }
        let all = columns_of_all(self.0.iter().flat_map(|group| &group.columns));
        match &self.0[..] {
            [group] if group.is_plain() => group.files(folders),
            groups => {
                let parts = groups.iter().map(|group| group.part(folders.clone(), &all));
                let union = |plan: Result<LogicalPlan>, part: Result<LogicalPlan>| {
                    LogicalPlanBuilder::from(plan?).union(part?)?.build()
                };
                let joined = parts.reduce(union);
                let joined = joined.ok_or_else(|| plan_datafusion_err!("a table without files"))??;
                Ok(Arc::new(ViewTable::new(joined, None)))
            }
        }
    }
}

impl<R: Reading> Group<R> {
    /// The columns for the values of another file, too, if one way of reading has them.
    fn columns_with(&self, others: &[Column]) -> Option<Vec<Column>> {
        if !R::BY_NAME {
            let names = self.columns.iter().map(|column| &column.name);
            let same = names.eq(others.iter().map(|column| &column.name));
            let both = || self.columns.iter().zip(others).map(|(one, other)| one.with(other)).collect();
            return same.then(both).flatten();
        }
        let all = columns_of_all(self.columns.iter().chain(others));
        // A number is not read as text.
        let becomes_text = |column: &Column| {
            let data_type = &column.data_type;
            let now = all.iter().find(|other| other.name == column.name);
            *data_type != DataType::Null
                && now.is_some_and(|now| now.data_type.is_string() && !data_type.is_string())
        };
        let kept = !self.columns.iter().chain(others).any(becomes_text);
        kept.then_some(all)
    }

    /// Whether all columns are read as what they are.
    fn is_plain(&self) -> bool {
        self.columns.iter().all(|column| column.written == Written::Plainly)
    }

    fn names(&self) -> String {
        let names: Vec<&str> = self.columns.iter().map(|column| column.name.as_str()).collect();
        names.join(", ")
    }

    /// The files as a table, whose columns are as they are stored.
    fn files(&self, folders: Option<Folders>) -> Result<Arc<dyn TableProvider>> {
        let fields = self.columns.iter().map(|column| Field::new(&column.name, column.stored(), true));
        let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
        let table = listing_table(self.files.clone(), self.reading.format(), schema, folders)?;
        Ok(if self.reading.is_whole() { Arc::new(WholeFiles(table)) } else { table })
    }

    /// The files as a part of the table of all.
    fn part(&self, folders: Option<Folders>, all: &[Column]) -> Result<LogicalPlan> {
        let named = folders.iter().flat_map(|(_, names)| names);
        let named: Vec<Expr> = named.map(|name| Expr::Column(ColumnName::from_name(name))).collect();
        let files = provider_as_source(self.files(folders)?);
        let select = all.iter().map(|wanted| {
            let column = self.columns.iter().find(|column| column.name == wanted.name);
            let value = column.map_or_else(|| lit(ScalarValue::Null), Column::value);
            cast(value, wanted.data_type.clone()).alias(&wanted.name)
        });
        let select: Vec<Expr> = select.chain(named).collect();
        LogicalPlanBuilder::scan("files", files, None)?.project(select)?.build()
    }
}

impl Column {
    /// A column whose values are read as what they are.
    pub(super) fn plain(name: impl Into<String>, data_type: DataType) -> Self {
        Self { name: name.into(), data_type, written: Written::Plainly }
    }

    /// Those of a schema.
    pub(super) fn all_of(schema: &Schema) -> Vec<Self> {
        let fields = schema.fields().iter();
        fields.map(|field| Self::plain(field.name(), field.data_type().clone())).collect()
    }

    /// The type that the file's reader gives it.
    fn stored(&self) -> DataType {
        match self.written {
            Written::Plainly => self.data_type.clone(),
            Written::Padded | Written::DecimalComma => DataType::Utf8,
        }
    }

    fn value(&self) -> Expr {
        let stored = Expr::Column(ColumnName::from_name(&self.name));
        let number = match self.written {
            Written::Plainly => return stored,
            Written::Padded => btrim(vec![stored]),
            Written::DecimalComma => replace(btrim(vec![stored]), lit(","), lit(".")),
        };
        cast(number, self.data_type.clone())
    }

    /// The column for the values of both, if one can be read for them.
    fn with(&self, other: &Self) -> Option<Self> {
        let column = |data_type, written| Some(Self { name: self.name.clone(), data_type, written });
        let common = common_type(&self.data_type, &other.data_type);
        let plain_number = |column: &Self| {
            column.written == Written::Plainly && matches!(column.data_type, DataType::Int64 | DataType::Null)
        };
        match (self.written, other.written) {
            (one, two) if one == two => column(common, one),
            _ if common == DataType::Utf8 => column(common, Written::Plainly),
            (Written::Plainly, written) if plain_number(self) => column(common, written),
            (written, Written::Plainly) if plain_number(other) => column(common, written),
            _ => None,
        }
    }
}

/// A table of files.
///
/// # Arguments
/// `folders`: where folders are columns, all files lie below it.
pub(super) fn listing_table(
    files: Vec<ListingTableUrl>,
    format: Arc<dyn FileFormat>,
    schema: SchemaRef,
    folders: Option<Folders>,
) -> Result<Arc<dyn TableProvider>> {
    // Which files these are has been seen to.
    let options = ListingOptions::new(format).with_file_extension("");
    let (paths, options) = match folders {
        None => (files, options),
        Some((folder, names)) => {
            let text = DataType::Dictionary(Box::new(DataType::UInt16), Box::new(DataType::Utf8));
            let names = names.into_iter().map(|name| (name, text.clone())).collect();
            (vec![folder], options.with_table_partition_cols(names))
        }
    };
    let config = ListingTableConfig::new_with_multi_paths(paths);
    let config = config.with_listing_options(options).with_schema(schema);
    Ok(Arc::new(ListingTable::try_new(config)?))
}

/// Columns in the order in which they are first met, each with a type for all of its values.
fn columns_of_all<'a>(columns: impl Iterator<Item = &'a Column>) -> Vec<Column> {
    let mut all: Vec<Column> = Vec::new();
    for column in columns {
        match all.iter_mut().find(|known| known.name == column.name) {
            Some(known) => known.data_type = common_type(&known.data_type, &column.data_type),
            None => all.push(Column::plain(&column.name, column.data_type.clone())),
        }
    }
    all
}

/// A type for the values of both; text, if there is no other.
fn common_type(first: &DataType, second: &DataType) -> DataType {
    let alike = first.is_numeric() == second.is_numeric() && first.is_temporal() == second.is_temporal();
    let union = || type_union_resolution(&[first.clone(), second.clone()]);
    match (first, second) {
        (one, other) if one == other => one.clone(),
        (DataType::Null, other) | (other, DataType::Null) => other.clone(),
        (one, other) if one.is_nested() && other.is_nested() => {
            let mut field = Field::new("", one.clone(), true);
            match field.try_merge(&Field::new("", other.clone(), true)) {
                Ok(()) => field.data_type().clone(),
                Err(_) => union().unwrap_or(DataType::Utf8),
            }
        }
        _ if alike => union().unwrap_or(DataType::Utf8),
        _ => DataType::Utf8,
    }
}
