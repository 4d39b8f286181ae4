//! Tests of `memory`.

use std::sync::Arc;

use datafusion::execution::memory_pool::{MemoryConsumer, MemoryPool, MemoryReservation};

use super::*;

const MB: usize = 1 << 20;

/// A lake of which statements share 160 MB.
fn lake() -> Arc<LakeMemory> {
    let lake = Arc::new(LakeMemory::new((160 * MB as u64) * 16 / 15));
    assert!(lake.statements_limit().abs_diff(160 * MB) < 64);
    lake
}

fn statement(lake: &Arc<LakeMemory>, id: &str) -> Arc<dyn MemoryPool> {
    Arc::new(StatementPool::new(Arc::clone(lake), id))
}

fn operator(pool: &Arc<dyn MemoryPool>, name: &str, can_spill: bool) -> MemoryReservation {
    MemoryConsumer::new(name).with_can_spill(can_spill).register(pool)
}

/// How much `reservation` can be given, in steps.
fn fill(reservation: &MemoryReservation) -> usize {
    while reservation.try_grow(MB / 4).is_ok() {}
    reservation.size() / MB
}

#[test]
fn one_statement_alone_leaves_room_for_the_next() {
    let lake = lake();
    let (a, b) = (statement(&lake, "a"), statement(&lake, "b"));
    let join = operator(&a, "join", false);
    assert!((139..=140).contains(&fill(&join)));
    let other = operator(&b, "join", false);
    assert!(fill(&other) >= 19);
    drop(join);
    assert!((139..=140).contains(&fill(&other)));
    drop(other);
    assert_eq!((lake.in_use().held, lake.in_use().holders), (0, 0));
}

#[test]
fn two_statements_have_equal_shares() {
    let lake = lake();
    let (a, b) = (statement(&lake, "a"), statement(&lake, "b"));
    let (of_a, of_b) = (operator(&a, "sort", false), operator(&b, "sort", false));
    of_a.try_grow(MB).unwrap();
    of_b.try_grow(MB).unwrap();
    assert!((79..=80).contains(&fill(&of_a)));
    assert!((79..=80).contains(&fill(&of_b)));
}

#[test]
fn operators_that_spill_leave_room_for_one_another() {
    let lake = lake();
    let pool = statement(&lake, "a");
    let operators: Vec<_> = (0..4).map(|_| operator(&pool, "sort", true)).collect();
    let sizes: Vec<usize> = operators.iter().map(fill).collect();
    assert!(sizes[0] >= 90 && sizes.iter().all(|size| *size > 0), "{sizes:?}");
    operators[0].free();
    let again = fill(&operators[3]);
    assert!(again >= 60, "{again}");
}

#[test]
fn an_error_names_operators_statement_and_limit() {
    let lake = lake();
    let own = StatementPool::new(Arc::clone(&lake), "q7");
    own.set_limit(10 * MB);
    let pool: Arc<dyn MemoryPool> = Arc::new(own);
    let join = operator(&pool, "HashJoinInput[0]", false);
    join.try_grow(8 * MB).unwrap();
    let error = operator(&pool, "TopK[1]", false).try_grow(4 * MB).unwrap_err();
    assert_eq!(
        error.strip_backtrace(),
        "Resources exhausted: out of memory: TopK[1] of statement q7 asked for 4.0 MB more; \
         the statement holds 8.0 MB of its own limit of 10.0 MB: HashJoinInput[0] 8.0 MB"
    );
}
