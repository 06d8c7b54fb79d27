//! The queries that a worker has at once: no more than it is told to take, and a line in its log for each.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Instant;

use http::{Request, Response};
use http_body_util::BodyExt;
use tonic::Status;
use tonic::body::Body;
use tonic::metadata::MetadataMap;
use tower::{Layer, Service};

use crate::udtf::caller;

/// What a coordinator calls to bring a plan. The call lasts as long as the query does.
const BRINGS_PLAN: &str = "/CoordinatorChannel";

/// Counts the queries of a worker.
#[derive(Debug, Clone)]
pub(crate) struct Queries {
    most: usize,
    running: Arc<AtomicUsize>,
}

impl Queries {
    pub(crate) fn new(most: Option<usize>) -> Self {
        Self { most: most.unwrap_or(usize::MAX), running: Arc::default() }
    }

    /// One query more; `None` where there are as many as there may be.
    fn begin(&self, from: String) -> Option<Query> {
        let more = |running: usize| (running < self.most).then(|| running + 1);
        self.running.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).ok()?;
        Some(Query { from, begun: Instant::now(), running: Arc::clone(&self.running) })
    }
}

/// A query that a worker has its part in, until this is dropped.
#[derive(Debug)]
struct Query {
    from: String,
    begun: Instant,
    running: Arc<AtomicUsize>,
}

impl Drop for Query {
    fn drop(&mut self) {
        let others = self.running.fetch_sub(1, Ordering::Relaxed) - 1;
        let (from, seconds) = (&self.from, self.begun.elapsed().as_secs_f64());
        log::info!("k_corrset: a query of {from} ended after {seconds:.3} s; {others} others run");
    }
}

impl<S> Layer<S> for Queries {
    type Service = Counted<S>;

    fn layer(&self, inner: S) -> Counted<S> {
        Counted { queries: self.clone(), inner }
    }
}

/// A service whose queries are counted.
#[derive(Debug, Clone)]
pub(crate) struct Counted<S> {
    queries: Queries,
    inner: S,
}

impl<S> Service<Request<Body>> for Counted<S>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible, Future: Send + 'static>,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        if !request.uri().path().ends_with(BRINGS_PLAN) {
            return Box::pin(self.inner.call(request));
        }
        let from = caller(&tonic::Request::from_parts(MetadataMap::new(), request.extensions().clone(), ()));
        let Some(query) = self.queries.begin(from.clone()) else {
            let most = self.queries.most;
            log::warn!("k_corrset: refused a query of {from}, as {most} others run");
            let refused = Status::resource_exhausted(format!(
                "it has as many as it takes at once ({most}); wait for one to end, or start it with a larger \
                 --max-queries"
            ));
            return Box::pin(async move { Ok(refused.into_http()) });
        };
        let answer = self.inner.call(request);
        Box::pin(async move {
            // Whatever ends the call drops the body, and the query with it.
            let counted = |body: Body| {
                Body::new(body.map_frame(move |frame| {
                    _ = &query;
                    frame
                }))
            };
            Ok(answer.await?.map(counted))
        })
    }
}
