//! The plan nodes as bytes: what the coordinator sends to a worker ahead of a query.

use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Schema};
use datafusion::common::internal_err;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::TaskContext;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_plan::ExecutionPlan;
use datafusion_distributed::{WorkUnitFeed, WorkUnitFeedProto};
use datafusion_proto::physical_plan::{
    DefaultPhysicalExtensionCodec, PhysicalExtensionCodec, PhysicalPlanDecodeContext,
    PhysicalProtoConverterExtension,
};
use datafusion_proto::protobuf;
use prost::Message;

use crate::index::{ColumnNames, InputLayout, InputRoles};
use crate::sweep::Instructions;
use crate::udtf::distributed::input::{SharedInputExec, Source};
use crate::udtf::exec::inputs::Inputs;
use crate::udtf::exec::node::KCorrsetExec;
use crate::udtf::options::KCorrsetOptions;
use crate::udtf::options::rules::{given, rule};
use crate::udtf::request::Pieces;
use crate::udtf::request::{CalledTable, KCorrsetRequest, KCorrsetScan};
use crate::udtf::set_sizes::SetSizes;
use crate::udtf::settings::{SweepSettings, instructions};

/// Writes and reads [`KCorrsetExec`] and [`SharedInputExec`].
///
/// Filters are written by the engine's own converter, which knows one that it has met before
/// by its identity. So a sweep and the sort above it share a filter on the worker, too, and
/// each worker leaves out what cannot be among its own best.
#[derive(Debug)]
pub struct KCorrsetCodec;

#[derive(Clone, PartialEq, Message)]
struct NodeMessage {
    #[prost(oneof = "Node", tags = "1, 2")]
    node: Option<Node>,
}

#[derive(Clone, PartialEq, prost::Oneof)]
enum Node {
    #[prost(message, tag = "1")]
    Sweep(Box<SweepMessage>),
    #[prost(message, tag = "2")]
    Input(InputMessage),
}

#[derive(Clone, PartialEq, Message)]
struct SweepMessage {
    /// None where sets are given.
    #[prost(uint64, repeated, tag = "1")]
    sizes: Vec<u64>,
    /// All three columns of the result.
    #[prost(message, optional, tag = "2")]
    schema: Option<protobuf::Schema>,
    #[prost(oneof = "LayoutMessage", tags = "3, 4")]
    layout: Option<LayoutMessage>,
    #[prost(string, optional, tag = "5")]
    criterion: Option<String>,
    #[prost(string, repeated, tag = "7")]
    partition_by: Vec<String>,
    /// Those that are not the default.
    #[prost(message, repeated, tag = "6")]
    options: Vec<OptionMessage>,
    #[prost(message, optional, tag = "12")]
    projection: Option<ColumnsMessage>,
    /// Filters of the query, over all three columns.
    #[prost(message, repeated, tag = "13")]
    filters: Vec<protobuf::PhysicalExprNode>,
    /// Filters that arise while it runs, over those that are handed out.
    #[prost(message, repeated, tag = "20")]
    dynamic_filters: Vec<protobuf::PhysicalExprNode>,
    #[prost(uint64, optional, tag = "14")]
    fetch: Option<u64>,
    #[prost(bool, tag = "15")]
    takes_filters: bool,
    #[prost(uint64, tag = "16")]
    threads: u64,
    /// Unless they are the best that the coordinator has: then the worker's best are meant.
    #[prost(string, optional, tag = "17")]
    instructions: Option<String>,
    #[prost(uint64, optional, tag = "18")]
    batch_size: Option<u64>,
    /// The table as it stands behind FROM.
    #[prost(string, tag = "19")]
    table: String,
    #[prost(uint64, optional, tag = "21")]
    best: Option<u64>,
    #[prost(string, tag = "22")]
    method: String,
    #[prost(message, optional, tag = "23")]
    pieces: Option<PiecesMessage>,
}

#[derive(Clone, PartialEq, Message)]
struct PiecesMessage {
    #[prost(uint64, tag = "1")]
    of_task: u64,
    #[prost(uint64, tag = "2")]
    tasks: u64,
}

#[derive(Clone, PartialEq, Message)]
struct OptionMessage {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(message, optional, tag = "2")]
    value: Option<protobuf::ScalarValue>,
}

/// How the table holds answers.
#[derive(Clone, PartialEq, prost::Oneof)]
enum LayoutMessage {
    #[prost(message, tag = "3")]
    Long(LongMessage),
    #[prost(message, tag = "4")]
    Wide(WideMessage),
}

#[derive(Clone, PartialEq, Message)]
struct LongMessage {
    #[prost(string, tag = "1")]
    user: String,
    #[prost(string, tag = "2")]
    question: String,
    #[prost(string, tag = "3")]
    score: String,
}

#[derive(Clone, PartialEq, Message)]
struct WideMessage {
    #[prost(string, optional, tag = "1")]
    user: Option<String>,
}

#[derive(Clone, PartialEq, Message)]
struct ColumnsMessage {
    #[prost(uint64, repeated, tag = "1")]
    columns: Vec<u64>,
}

#[derive(Clone, PartialEq, Message)]
struct InputMessage {
    #[prost(message, optional, tag = "1")]
    schema: Option<protobuf::Schema>,
    #[prost(oneof = "SourceMessage", tags = "2, 3")]
    source: Option<SourceMessage>,
}

#[derive(Clone, PartialEq, prost::Oneof)]
enum SourceMessage {
    #[prost(message, tag = "2")]
    Shipped(WorkUnitFeedProto),
    #[prost(message, tag = "3")]
    Read(Box<protobuf::PhysicalPlanNode>),
}

impl PhysicalExtensionCodec for KCorrsetCodec {
    fn try_encode(
        &self,
        node: Arc<dyn ExecutionPlan>,
        buffer: &mut Vec<u8>,
        converter: &dyn PhysicalProtoConverterExtension,
    ) -> Result<()> {
        let node = if let Some(sweep) = node.downcast_ref::<KCorrsetExec>() {
            Node::Sweep(Box::new(encode_sweep(sweep, converter)?))
        } else if let Some(input) = node.downcast_ref::<SharedInputExec>() {
            Node::Input(encode_input(input, converter)?)
        } else {
            // Other codecs are asked next.
            return internal_err!("{} is no plan node of k_corrset", node.name());
        };
        NodeMessage { node: Some(node) }.encode(buffer).map_err(unreadable)
    }

    fn try_decode(
        &self,
        buffer: &[u8],
        inputs: &[Arc<dyn ExecutionPlan>],
        context: &TaskContext,
        converter: &dyn PhysicalProtoConverterExtension,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let context = PhysicalPlanDecodeContext::new(context, &DefaultPhysicalExtensionCodec {});
        match (NodeMessage::decode(buffer).map_err(unreadable)?.node, inputs) {
            (Some(Node::Sweep(sweep)), inputs) => {
                let scan = decode_sweep(*sweep, &context, converter)?;
                let inputs = Inputs::of(inputs, scan.request.sizes.is_none())?;
                Ok(Arc::new(KCorrsetExec::try_new(inputs, scan)?))
            }
            (Some(Node::Input(input)), []) => Ok(Arc::new(decode_input(input, &context, converter)?)),
            (_, inputs) => {
                internal_err!(
                    "{} bytes over {} inputs are no plan node of k_corrset",
                    buffer.len(),
                    inputs.len()
                )
            }
        }
    }
}

fn encode_sweep(
    sweep: &KCorrsetExec,
    converter: &dyn PhysicalProtoConverterExtension,
) -> Result<SweepMessage> {
    let KCorrsetScan {
        request,
        projection,
        filters,
        dynamic_filters,
        fetch,
        takes_filters,
        best,
        pieces,
        settings,
    } = sweep.scan();
    let KCorrsetRequest { sizes, roles, options, question_type: _, schema, table } = &**request;
    let SweepSettings { threads, method, instructions, batch_size } = settings;
    let options = given(options)
        .map(|(name, value)| Ok(OptionMessage { name: name.to_string(), value: Some((&value).try_into()?) }));
    let number = |number: &Option<usize>| number.map(|number| number as u64);
    let expressions = |filters: &[Arc<dyn PhysicalExpr>]| -> Result<Vec<protobuf::PhysicalExprNode>> {
        let encode = |filter| converter.physical_expr_to_proto(filter, &DefaultPhysicalExtensionCodec {});
        filters.iter().map(encode).collect()
    };
    Ok(SweepMessage {
        sizes: sizes.iter().flat_map(SetSizes::iter).map(|size| size as u64).collect(),
        schema: Some(schema.as_ref().try_into()?),
        layout: Some(encode_layout(&roles.layout)),
        criterion: roles.criterion.clone(),
        partition_by: roles.partition_by.clone(),
        options: options.collect::<Result<_>>()?,
        projection: projection
            .as_ref()
            .map(|columns| ColumnsMessage { columns: columns.iter().map(|&column| column as u64).collect() }),
        filters: expressions(filters)?,
        dynamic_filters: expressions(dynamic_filters)?,
        fetch: number(fetch),
        takes_filters: *takes_filters,
        threads: *threads as u64,
        instructions: (*instructions != Instructions::best()).then(|| instructions.name().to_string()),
        batch_size: number(batch_size),
        table: table.text.clone(),
        best: number(best),
        method: method.name().to_string(),
        pieces: pieces
            .map(|Pieces { of_task, tasks }| PiecesMessage { of_task: of_task as u64, tasks: tasks as u64 }),
    })
}

fn decode_sweep(
    message: SweepMessage,
    context: &PhysicalPlanDecodeContext<'_>,
    converter: &dyn PhysicalProtoConverterExtension,
) -> Result<KCorrsetScan> {
    let schema = decode_schema(message.schema)?;
    let questions = schema.fields().get(message.partition_by.len());
    let question_type = match questions.map(|field| field.data_type()) {
        Some(DataType::List(question)) => question.data_type().clone(),
        other => return internal_err!("the first column of k_corrset is a list of questions, not {other:?}"),
    };
    let number = |number: Option<u64>| number.map(|number| number as usize);
    let projection = message.projection.map(|ColumnsMessage { columns }| {
        columns.into_iter().map(|column| column as usize).collect::<Vec<_>>()
    });
    let output = match &projection {
        Some(columns) => schema.project(columns)?,
        None => schema.clone(),
    };
    let expressions = |filters: &[protobuf::PhysicalExprNode], schema: &Schema| -> Result<Vec<_>> {
        filters.iter().map(|filter| converter.proto_to_physical_expr(filter, schema, context)).collect()
    };
    let best = || Ok(Instructions::best());
    Ok(KCorrsetScan {
        filters: expressions(&message.filters, &schema)?,
        dynamic_filters: expressions(&message.dynamic_filters, &output)?,
        projection,
        fetch: number(message.fetch),
        takes_filters: message.takes_filters,
        best: number(message.best),
        pieces: message.pieces.map(|PiecesMessage { of_task, tasks }| Pieces {
            of_task: of_task.max(1) as usize,
            tasks: tasks.max(1) as usize,
        }),
        settings: SweepSettings {
            method: message.method.parse().unwrap_or_default(),
            threads: message.threads as usize,
            instructions: message.instructions.as_deref().map_or_else(best, instructions)?,
            batch_size: number(message.batch_size),
        },
        request: Arc::new(KCorrsetRequest {
            sizes: decode_sizes(&message.sizes),
            roles: InputRoles {
                layout: decode_layout(message.layout)?,
                criterion: message.criterion,
                partition_by: message.partition_by,
            },
            options: decode_options(&message.options)?,
            question_type,
            schema: Arc::new(schema),
            table: CalledTable { text: message.table, plan: None },
        }),
    })
}

/// How they came, one alone or as a list, is of no account once the query is planned.
fn decode_sizes(sizes: &[u64]) -> Option<SetSizes> {
    match sizes {
        [] => None,
        &[size] => Some(SetSizes::from(size as usize)),
        sizes => Some(SetSizes::from(sizes.iter().map(|&size| size as usize).collect::<Vec<_>>())),
    }
}

fn decode_options(messages: &[OptionMessage]) -> Result<KCorrsetOptions> {
    let mut options = KCorrsetOptions::default();
    for OptionMessage { name, value } in messages {
        let Some(value) = value else { return internal_err!("option {name} has no value") };
        if (rule(name)?.set)(&mut options, &value.try_into()?).is_none() {
            return internal_err!("option {name} has a value of another type");
        }
    }
    Ok(options)
}

fn encode_layout(layout: &InputLayout) -> LayoutMessage {
    match layout.clone() {
        InputLayout::Long(ColumnNames { user, question, score }) => {
            LayoutMessage::Long(LongMessage { user, question, score })
        }
        InputLayout::Wide { user } => LayoutMessage::Wide(WideMessage { user }),
    }
}

fn decode_layout(layout: Option<LayoutMessage>) -> Result<InputLayout> {
    match layout {
        Some(LayoutMessage::Long(LongMessage { user, question, score })) => {
            Ok(InputLayout::Long(ColumnNames { user, question, score }))
        }
        Some(LayoutMessage::Wide(WideMessage { user })) => Ok(InputLayout::Wide { user }),
        None => internal_err!("a sweep whose input has no layout"),
    }
}

fn encode_input(
    input: &SharedInputExec,
    converter: &dyn PhysicalProtoConverterExtension,
) -> Result<InputMessage> {
    let source = match input.source() {
        Source::Shipped(feed) => SourceMessage::Shipped(feed.to_proto()),
        Source::Read(plan) => {
            let plan = converter.execution_plan_to_proto(plan, &DefaultPhysicalExtensionCodec {})?;
            SourceMessage::Read(Box::new(plan))
        }
    };
    Ok(InputMessage { schema: Some(input.schema().as_ref().try_into()?), source: Some(source) })
}

fn decode_input(
    message: InputMessage,
    context: &PhysicalPlanDecodeContext<'_>,
    converter: &dyn PhysicalProtoConverterExtension,
) -> Result<SharedInputExec> {
    let source = match message.source {
        Some(SourceMessage::Shipped(feed)) => Source::Shipped(Box::new(WorkUnitFeed::from_proto(feed)?)),
        Some(SourceMessage::Read(plan)) => Source::Read(converter.proto_to_execution_plan(&plan, context)?),
        None => return internal_err!("an input without a source"),
    };
    Ok(SharedInputExec::new(source, Arc::new(decode_schema(message.schema)?)))
}

fn decode_schema(schema: Option<protobuf::Schema>) -> Result<Schema> {
    match schema {
        Some(schema) => Ok((&schema).try_into()?),
        None => internal_err!("a plan node without a schema"),
    }
}

fn unreadable(error: impl std::error::Error + Send + Sync + 'static) -> DataFusionError {
    DataFusionError::External(Box::new(error))
}
