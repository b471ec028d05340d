//! A plan as client, scheduler and executor have it.
//!
//! Each of the three makes our nodes and our aggregate anew from what the one before wrote. Were a column of a state, or of a
//! result, another one anywhere, rows would be read as what they are not, far from the cause.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on fails"
)]

use std::sync::Arc;

use arrow::datatypes::{FieldRef, SchemaRef};
use datafusion::execution::TaskContext;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::aggregates::AggregateExec;
use datafusion_proto::physical_plan::AsExecutionPlan;
use datafusion_proto::protobuf::PhysicalPlanNode;
use gugus_engine::{PlanCodec, environment, function_registry, session_config, session_state};
use gugus_features::{
    AllFile, EncodedRows, Expressions, FeaturePlan, FitSettings, Pass, WaveFile, Weighting,
    pass_plan, wave_plan, window_plan,
};
use gugus_files::Stores;
use gugus_kmeans::{DistanceMeasure, Params};
use gugus_kmeans_all::Training;
use gugus_spec::{
    Algorithm, Column, ColumnType, Feature, HandleInvalid, Nullability, OtherColumns,
};

/// What a node gives, and what each of its aggregates keeps and gives.
#[derive(Debug, PartialEq)]
struct Node {
    name: String,
    schema: SchemaRef,
    aggregates: Vec<(Vec<FieldRef>, FieldRef)>,
}

/// The plan's nodes from the last to the first.
fn layout(plan: &Arc<dyn ExecutionPlan>) -> Vec<Node> {
    let aggregates = match plan.downcast_ref::<AggregateExec>() {
        None => Vec::new(),
        Some(node) => {
            let states = node.aggr_expr().iter();
            states
                .map(|function| (function.state_fields().unwrap(), function.field()))
                .collect()
        }
    };
    let node = Node {
        name: plan.name().to_owned(),
        schema: plan.schema(),
        aggregates,
    };
    let inputs = plan.children().into_iter().flat_map(layout);
    std::iter::once(node).chain(inputs).collect()
}

/// The plan as a role with this context reads it.
fn sent(plan: Arc<dyn ExecutionPlan>, to: &TaskContext) -> Arc<dyn ExecutionPlan> {
    let codec = PlanCodec::default();
    let message = PhysicalPlanNode::try_from_physical_plan(plan, &codec).unwrap();
    let mut bytes = Vec::new();
    message.try_encode(&mut bytes).unwrap();
    let message = PhysicalPlanNode::try_decode(&bytes).unwrap();
    message.try_into_physical_plan(to, &codec).unwrap()
}

/// What Ballista makes for an executor's tasks.
fn executors_context() -> TaskContext {
    let functions = function_registry();
    TaskContext::new(
        None,
        "session".to_owned(),
        session_config(),
        functions.scalar_functions.clone(),
        functions.higher_order_functions.clone(),
        functions.aggregate_functions.clone(),
        functions.window_functions.clone(),
        Arc::default(),
    )
}

fn features(key: Option<&str>) -> FeaturePlan {
    let column = |name: &str| Column {
        name: name.into(),
        data_type: ColumnType::Float64,
        nullability: Nullability::Optional,
    };
    let features = [
        Feature::column("x"),
        Feature {
            name: "sine".to_owned(),
            sql: "sin(y)".to_owned(),
        },
    ];
    let expressions = Expressions {
        condition: Some("y > 0"),
        features: &features,
        weight_col: Some("w"),
        key: key.map(Into::into),
    };
    FeaturePlan::new(
        &["x", "y", "w"].map(column),
        OtherColumns::Drop,
        &expressions,
    )
    .unwrap()
}

#[test]
fn client_scheduler_and_executor_have_the_same_layout_of_every_state() {
    let file = |batch: u64| WaveFile {
        batch,
        path: format!("batches/batch_{batch:08}.parquet"),
        size: 1_000,
    };
    let files: Vec<WaveFile> = (1..=3).map(file).collect();
    let settings = || FitSettings {
        algorithm: Algorithm::default(),
        features: vec!["x".to_owned(), "sine".to_owned()],
        handle_invalid: HandleInvalid::Error,
        weighting: Weighting::LastColumn,
    };
    let plan = features(None);
    let training = Training::new(
        Params::default(),
        2,
        Weighting::LastColumn,
        HandleInvalid::Error,
    )
    .unwrap();
    let pass = Pass {
        step: training.step().unwrap(),
        points: plan.point_settings(DistanceMeasure::Euclidean),
        rows: EncodedRows::new(&plan, "file:///").unwrap(),
        run: "run".to_owned(),
    };
    let wholes: Vec<AllFile> = files
        .iter()
        .map(|file| AllFile {
            file: file.clone(),
            commit: 7,
            points: None,
        })
        .collect();
    let keyed = features(Some("CASE WHEN x > 1 THEN 'a' END"));
    let plans = [
        wave_plan(&plan, settings(), "file:///", &files, 2).unwrap(),
        window_plan(&keyed, settings(), &["a".to_owned()], "file:///", &files, 2).unwrap(),
        pass_plan(pass, "file:///", &wholes, 2).unwrap(),
    ];
    let scheduler = session_state(
        session_config(),
        environment(None, None, Stores::from_env()),
    )
    .task_ctx();
    let executor = executors_context();
    let mut states = 0;
    for plan in plans {
        let clients = layout(&plan);
        let at_scheduler = sent(plan, &scheduler);
        assert_eq!(layout(&at_scheduler), clients, "scheduler");
        let at_executor = sent(at_scheduler, &executor);
        assert_eq!(layout(&at_executor), clients, "executor");
        states += clients.iter().flat_map(|node| &node.aggregates).count();
    }
    assert_eq!(states, 2, "one fit in a wave and one in windows");
}
