//! What operators read: metrics of every call, and a line of log for each.

use std::sync::Arc;
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

use crate::engine::{Record, Rows};

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Call {
    method: &'static str,
    command: &'static str,
    status: &'static str,
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
            gauges,
        }
    }

    /// Carries a call out, and tells of it.
    pub(super) async fn call<T>(
        &self,
        method: &'static str,
        command: &'static str,
        work: impl Future<Output = Result<T, Status>>,
    ) -> Result<T, Status> {
        let begun = Instant::now();
        let result = work.await;
        let status = result.as_ref().err().map_or(Grpc::Ok, Status::code);
        self.ended(method, command, status, begun.elapsed());
        if let Err(status) = &result
            && matches!(status.code(), Grpc::Internal | Grpc::Unknown | Grpc::DataLoss)
        {
            // What a client sent is not in these messages; what went wrong here is.
            tracing::error!(method, command, message = status.message(), "a call failed");
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
        tracing::info!(
            method,
            command,
            status = status_name(status),
            milliseconds,
            "call"
        );
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
        let mut text = String::new();
        match encode(&mut text, &self.registry.lock()) {
            Ok(()) => text,
            Err(_) => String::new(),
        }
    }
}

/// Half a millisecond to sixteen seconds.
fn histogram() -> Histogram {
    Histogram::new(exponential_buckets(0.0005, 2.0, 16))
}

/// The same rows, counted; and at their end, or when nobody reads on, a line of log.
pub(super) fn counted(
    rows: Rows,
    observer: Arc<Observer>,
    record: Record,
) -> impl Stream<Item = crate::Result<RecordBatch>> + Send {
    let told = Told { record };
    rows.inspect(move |batch| {
        let _at_end = &told;
        if let Ok(batch) = batch {
            observer.rows.inc_by(batch.num_rows() as u64);
            observer.bytes.inc_by(batch.get_array_memory_size() as u64);
        }
    })
}

/// Tells of a statement when its result is let go.
struct Told {
    record: Record,
}

impl Drop for Told {
    fn drop(&mut self) {
        let totals = self.record.totals();
        tracing::info!(
            query = self.record.id(),
            session = self.record.session(),
            state = self.record.state().as_str(),
            rows = totals.rows_out,
            rows_read = totals.rows_read,
            bytes_read = totals.bytes_read,
            milliseconds = totals.elapsed.as_secs_f64() * 1000.0,
            "statement"
        );
    }
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
