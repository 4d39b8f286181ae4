//! What operators read: metrics of every call, and a line of log for each.

use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use arrow::array::RecordBatch;
use futures::{Stream, StreamExt};
use parking_lot::Mutex;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;
use tonic::{Code as Grpc, Status};
use tracing::Instrument;
use tracing::field::Empty;

use crate::engine::Rows;

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Call {
    method: &'static str,
    command: &'static str,
    status: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Ended {
    state: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Method {
    method: &'static str,
    command: &'static str,
}

/// Counts calls, and writes them to the log.
pub(super) struct Observer {
    registry: Mutex<Registry>,
    calls: Family<Call, Counter>,
    seconds: Family<Method, Histogram>,
    rows: Counter,
    bytes: Counter,
    statements: Family<Ended, Counter>,
    gauges: Gauges,
}

/// What is read when somebody asks.
#[derive(Default)]
struct Gauges {
    sessions: Gauge,
    results: Gauge,
    prepared: Gauge,
    running: Gauge,
    waiting: Gauge,
    memory: Gauge,
    memory_limit: Gauge,
    cache: Gauge,
}

/// A moment's numbers.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Reading {
    pub sessions: usize,
    pub results: usize,
    pub prepared: usize,
    pub running: usize,
    pub waiting: usize,
    pub memory: u64,
    pub memory_limit: u64,
    pub cache: u64,
    /// Statements that finished, failed and were cancelled.
    pub ended: [u64; 3],
}

impl Observer {
    pub(super) fn new() -> Self {
        let mut registry = Registry::with_prefix("weir");
        let calls = Family::default();
        registry.register(
            "calls",
            "Calls, by method, command and gRPC status",
            calls.clone(),
        );
        let seconds = Family::new_with_constructor(histogram as fn() -> Histogram);
        registry.register(
            "call_seconds",
            "How long calls took until their answer began",
            seconds.clone(),
        );
        let (rows, bytes) = (Counter::default(), Counter::default());
        registry.register("rows_sent", "Rows sent to clients", rows.clone());
        registry.register(
            "bytes_sent",
            "Bytes of rows sent to clients, as they lie in memory",
            bytes.clone(),
        );
        let statements = Family::default();
        registry.register("statements", "Statements that ended, by how", statements.clone());
        let gauges = Gauges::default();
        let mut gauge = |name: &str, help: &str, gauge: &Gauge| registry.register(name, help, gauge.clone());
        gauge("sessions", "Open sessions", &gauges.sessions);
        gauge(
            "results",
            "Results that wait to be fetched, or are being read",
            &gauges.results,
        );
        gauge("prepared_statements", "Prepared statements", &gauges.prepared);
        gauge("statements_running", "Statements that compute", &gauges.running);
        gauge(
            "statements_waiting",
            "Statements that wait for others to end",
            &gauges.waiting,
        );
        gauge("memory_bytes", "Memory that statements hold", &gauges.memory);
        gauge(
            "memory_limit_bytes",
            "Memory that caches and statements may hold",
            &gauges.memory_limit,
        );
        gauge("cache_bytes", "Memory that caches hold", &gauges.cache);
        Self {
            registry: Mutex::new(registry),
            calls,
            seconds,
            rows,
            bytes,
            statements,
            gauges,
        }
    }

    /// Carries a call out, and tells of it. What the log is told meanwhile is told as of this call.
    pub(super) async fn call<T>(
        &self,
        method: &'static str,
        command: &'static str,
        work: impl Future<Output = Result<T, Status>>,
    ) -> Result<T, Status> {
        let named = OnceLock::from(command);
        self.named_call(method, &named, work).await
    }

    /// The same of a call whose command is known only when its first message has been read.
    pub(super) async fn named_call<T>(
        &self,
        method: &'static str,
        command: &OnceLock<&'static str>,
        work: impl Future<Output = Result<T, Status>>,
    ) -> Result<T, Status> {
        let begun = Instant::now();
        let span = tracing::info_span!("call", method, peer = Empty, session = Empty, query = Empty);
        let result = work.instrument(span.clone()).await;
        let _within = span.enter();
        let command = command.get().copied().unwrap_or_default();
        let status = result.as_ref().err().map_or(Grpc::Ok, Status::code);
        self.ended(method, command, status, begun.elapsed());
        if let Err(status) = &result
            && matches!(status.code(), Grpc::Internal | Grpc::Unknown | Grpc::DataLoss)
        {
            // What a client sent is not in these messages; what went wrong here is.
            tracing::error!(command, reason = status.message(), "a call failed");
        }
        result
    }

    fn ended(&self, method: &'static str, command: &'static str, status: Grpc, took: Duration) {
        let call = Call {
            method,
            command,
            status: status_name(status),
        };
        self.calls.get_or_create(&call).inc();
        self.seconds
            .get_or_create(&Method { method, command })
            .observe(took.as_secs_f64());
        let milliseconds = took.as_secs_f64() * 1000.0;
        tracing::info!(command, status = status_name(status), milliseconds, "call");
    }

    /// The metrics as Prometheus reads them.
    pub(super) fn text(&self, now: Reading) -> String {
        let set = |gauge: &Gauge, value: u64| {
            gauge.set(i64::try_from(value).unwrap_or(i64::MAX));
        };
        set(&self.gauges.sessions, now.sessions as u64);
        set(&self.gauges.results, now.results as u64);
        set(&self.gauges.prepared, now.prepared as u64);
        set(&self.gauges.running, now.running as u64);
        set(&self.gauges.waiting, now.waiting as u64);
        set(&self.gauges.memory, now.memory);
        set(&self.gauges.memory_limit, now.memory_limit);
        set(&self.gauges.cache, now.cache);
        let registry = self.registry.lock();
        for (state, count) in ["finished", "failed", "cancelled"].into_iter().zip(now.ended) {
            let counter = self.statements.get_or_create(&Ended { state });
            counter.inc_by(count.saturating_sub(counter.get()));
        }
        let mut text = String::new();
        match encode(&mut text, &registry) {
            Ok(()) => text,
            Err(_) => String::new(),
        }
    }
}

/// Half a millisecond to sixteen seconds.
fn histogram() -> Histogram {
    Histogram::new(exponential_buckets(0.0005, 2.0, 16))
}

/// The same rows, counted.
pub(super) fn counted(
    rows: Rows,
    observer: Arc<Observer>,
) -> impl Stream<Item = crate::Result<RecordBatch>> + Send {
    rows.inspect(move |batch| {
        if let Ok(batch) = batch {
            observer.rows.inc_by(batch.num_rows() as u64);
            observer.bytes.inc_by(batch.get_array_memory_size() as u64);
        }
    })
}

fn status_name(code: Grpc) -> &'static str {
    match code {
        Grpc::Ok => "ok",
        Grpc::Cancelled => "cancelled",
        Grpc::Unknown => "unknown",
        Grpc::InvalidArgument => "invalid_argument",
        Grpc::DeadlineExceeded => "deadline_exceeded",
        Grpc::NotFound => "not_found",
        Grpc::AlreadyExists => "already_exists",
        Grpc::PermissionDenied => "permission_denied",
        Grpc::ResourceExhausted => "resource_exhausted",
        Grpc::FailedPrecondition => "failed_precondition",
        Grpc::Aborted => "aborted",
        Grpc::OutOfRange => "out_of_range",
        Grpc::Unimplemented => "unimplemented",
        Grpc::Internal => "internal",
        Grpc::Unavailable => "unavailable",
        Grpc::DataLoss => "data_loss",
        Grpc::Unauthenticated => "unauthenticated",
    }
}
