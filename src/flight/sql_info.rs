//! What the server says of itself and its SQL: every id that clients ask for.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use arrow_flight::error::Result;
use arrow_flight::sql::metadata::{SqlInfoData, SqlInfoDataBuilder};
use arrow_flight::sql::{
    SqlInfo, SqlNullOrdering, SqlSupportedCaseSensitivity, SqlSupportedGroupBy, SqlSupportedSubqueries,
    SqlSupportedTransaction, SqlSupportedUnions, SqlSupportsConvert, SqlTransactionIsolationLevel,
    SupportedSqlGrammar,
};

static INFO: LazyLock<std::result::Result<SqlInfoData, String>> =
    LazyLock::new(|| sql_info().map_err(|e| e.to_string()));

/// The rows of these ids; all, if none is named.
pub(super) fn rows(ids: &[u32]) -> std::result::Result<RecordBatch, String> {
    let info = INFO.as_ref().map_err(Clone::clone)?;
    info.record_batch(ids.iter().copied()).map_err(|e| e.to_string())
}

/// Their schema.
pub(super) fn schema() -> SchemaRef {
    SchemaRef::new(SqlInfoDataBuilder::schema().clone())
}

/// Flags as the bits of a mask, counted from 0.
fn bits(flags: &[i32]) -> i32 {
    flags.iter().fold(0, |mask, flag| mask | (1 << flag))
}

fn sql_info() -> Result<SqlInfoData> {
    let mut info = SqlInfoDataBuilder::new();
    server(&mut info);
    names(&mut info);
    functions(&mut info);
    abilities(&mut info);
    limits(&mut info);
    info.build()
}

fn server(info: &mut SqlInfoDataBuilder) {
    info.append(SqlInfo::FlightSqlServerName, "weir");
    info.append(SqlInfo::FlightSqlServerVersion, env!("CARGO_PKG_VERSION"));
    info.append(SqlInfo::FlightSqlServerArrowVersion, arrow::ARROW_VERSION);
    info.append(SqlInfo::FlightSqlServerReadOnly, false);
    info.append(SqlInfo::FlightSqlServerSql, true);
    info.append(SqlInfo::FlightSqlServerSubstrait, false);
    info.append(
        SqlInfo::FlightSqlServerTransaction,
        SqlSupportedTransaction::None as i32,
    );
    info.append(SqlInfo::FlightSqlServerCancel, true);
    info.append(SqlInfo::FlightSqlServerBulkIngestion, true);
    info.append(SqlInfo::FlightSqlServerIngestTransactionsSupported, false);
    info.append(SqlInfo::FlightSqlServerStatementTimeout, 0);
    info.append(SqlInfo::FlightSqlServerTransactionTimeout, 0);
}

fn names(info: &mut SqlInfoDataBuilder) {
    info.append(SqlInfo::SqlDdlCatalog, false);
    info.append(SqlInfo::SqlDdlSchema, false);
    info.append(SqlInfo::SqlDdlTable, true);
    let insensitive = SqlSupportedCaseSensitivity::SqlCaseSensitivityCaseInsensitive as i64;
    info.append(SqlInfo::SqlIdentifierCase, insensitive);
    let quoted = SqlSupportedCaseSensitivity::SqlCaseSensitivityCaseInsensitive as i64;
    info.append(SqlInfo::SqlQuotedIdentifierCase, quoted);
    info.append(SqlInfo::SqlIdentifierQuoteChar, "\"");
    info.append(SqlInfo::SqlAllTablesAreSelectable, true);
    info.append(
        SqlInfo::SqlNullOrdering,
        SqlNullOrdering::SqlNullsSortedHigh as i64,
    );
    info.append(SqlInfo::SqlExtraNameCharacters, "$");
    info.append(SqlInfo::SqlSearchStringEscape, "\\");
    info.append(SqlInfo::SqlSchemaTerm, "zone");
    info.append(SqlInfo::SqlProcedureTerm, "procedure");
    info.append(SqlInfo::SqlCatalogTerm, "lake");
    info.append(SqlInfo::SqlCatalogAtStart, true);
}

fn functions(info: &mut SqlInfoDataBuilder) {
    let list = |words: &str| words.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    info.append(
        SqlInfo::SqlKeywords,
        list("ASOF CUMULATE DESCRIBE EXCLUDE HOP ILIKE KILL OPTIMIZE OVERWRITE QUALIFY RESTORE SHOW TUMBLE USE VACUUM"),
    );
    info.append(
        SqlInfo::SqlNumericFunctions,
        list(
            "ABS ACOS ASIN ATAN ATAN2 CEIL COS COT DEGREES EXP FLOOR LOG LOG10 PI POWER RADIANS ROUND SIGN SIN \
             SQRT TAN TRUNC",
        ),
    );
    info.append(
        SqlInfo::SqlStringFunctions,
        list(
            "ASCII BTRIM CHARACTER_LENGTH CHR CONCAT INITCAP LEFT LENGTH LOWER LPAD LTRIM OCTET_LENGTH POSITION \
             REPEAT REPLACE REVERSE RIGHT RPAD RTRIM SUBSTRING TRANSLATE TRIM UPPER",
        ),
    );
    info.append(SqlInfo::SqlSystemFunctions, list("COALESCE NULLIF VERSION"));
    info.append(
        SqlInfo::SqlDatetimeFunctions,
        list("CURRENT_DATE CURRENT_TIME DATE_BIN DATE_DIFF DATE_PART DATE_TRUNC EXTRACT MAKE_DATE NOW TIME_BUCKET TO_CHAR TO_DATE TO_TIMESTAMP"),
    );
}

fn abilities(info: &mut SqlInfoDataBuilder) {
    let yes = [
        SqlInfo::SqlSupportsColumnAliasing,
        SqlInfo::SqlNullPlusNullIsNull,
        SqlInfo::SqlSupportsTableCorrelationNames,
        SqlInfo::SqlSupportsExpressionsInOrderBy,
        SqlInfo::SqlSupportsOrderByUnrelated,
        SqlInfo::SqlSupportsLikeEscapeClause,
        SqlInfo::SqlSupportsNonNullableColumns,
        SqlInfo::SqlCorrelatedSubqueriesSupported,
        SqlInfo::SqlBatchUpdatesSupported,
        SqlInfo::SqlNamedParametersSupported,
    ];
    for id in yes {
        info.append(id, true);
    }
    let no = [
        SqlInfo::SqlSupportsDifferentTableCorrelationNames,
        SqlInfo::SqlSupportsIntegrityEnhancementFacility,
        SqlInfo::SqlSelectForUpdateSupported,
        SqlInfo::SqlStoredProceduresSupported,
        SqlInfo::SqlTransactionsSupported,
        SqlInfo::SqlDataDefinitionCausesTransactionCommit,
        SqlInfo::SqlDataDefinitionsInTransactionsIgnored,
        SqlInfo::SqlSavepointsSupported,
        SqlInfo::SqlLocatorsUpdateCopy,
        SqlInfo::SqlStoredFunctionsUsingCallSyntaxSupported,
    ];
    for id in no {
        info.append(id, false);
    }
    info.append(SqlInfo::SqlSupportsConvert, conversions());
    info.append(
        SqlInfo::SqlSupportedGroupBy,
        bits(&[
            SqlSupportedGroupBy::SqlGroupByUnrelated as i32,
            SqlSupportedGroupBy::SqlGroupByBeyondSelect as i32,
        ]),
    );
    info.append(
        SqlInfo::SqlSupportedGrammar,
        bits(&[
            SupportedSqlGrammar::SqlMinimumGrammar as i32,
            SupportedSqlGrammar::SqlCoreGrammar as i32,
            SupportedSqlGrammar::SqlExtendedGrammar as i32,
        ]),
    );
    info.append(SqlInfo::SqlAnsi92SupportedLevel, 1);
    info.append(SqlInfo::SqlOuterJoinsSupportLevel, bits(&[1, 2]));
    info.append(SqlInfo::SqlSchemasSupportedActions, 0);
    info.append(SqlInfo::SqlCatalogsSupportedActions, 0);
    info.append(SqlInfo::SqlSupportedPositionedCommands, 0);
    info.append(
        SqlInfo::SqlSupportedSubqueries,
        bits(&[
            SqlSupportedSubqueries::SqlSubqueriesInComparisons as i32,
            SqlSupportedSubqueries::SqlSubqueriesInExists as i32,
            SqlSupportedSubqueries::SqlSubqueriesInIns as i32,
        ]),
    );
    info.append(
        SqlInfo::SqlSupportedUnions,
        bits(&[
            SqlSupportedUnions::SqlUnion as i32,
            SqlSupportedUnions::SqlUnionAll as i32,
        ]),
    );
    // A number of 64 bits: the JDBC driver reads it as one.
    let isolation = SqlTransactionIsolationLevel::SqlTransactionNone as i64;
    info.append(SqlInfo::SqlDefaultTransactionIsolation, isolation);
    info.append(SqlInfo::SqlSupportedTransactionsIsolationLevels, 0);
    info.append(SqlInfo::SqlSupportedResultSetTypes, bits(&[1]));
    for id in [
        SqlInfo::SqlSupportedConcurrenciesForResultSetUnspecified,
        SqlInfo::SqlSupportedConcurrenciesForResultSetForwardOnly,
        SqlInfo::SqlSupportedConcurrenciesForResultSetScrollSensitive,
        SqlInfo::SqlSupportedConcurrenciesForResultSetScrollInsensitive,
    ] {
        info.append(id, 0);
    }
}

/// What is converted into what: everything into text, numbers into numbers, texts into everything.
fn conversions() -> BTreeMap<i32, Vec<i32>> {
    use SqlSupportsConvert as C;
    let texts = [C::SqlConvertChar, C::SqlConvertVarchar];
    let numbers = [
        C::SqlConvertBigint,
        C::SqlConvertDecimal,
        C::SqlConvertFloat,
        C::SqlConvertInteger,
        C::SqlConvertNumeric,
        C::SqlConvertReal,
        C::SqlConvertSmallint,
        C::SqlConvertTinyint,
    ];
    let times = [C::SqlConvertDate, C::SqlConvertTimestamp];
    let ids = |kinds: &[&[C]]| {
        kinds
            .concat()
            .into_iter()
            .map(|kind| kind as i32)
            .collect::<Vec<_>>()
    };
    let mut all = BTreeMap::new();
    for kind in texts {
        all.insert(kind as i32, ids(&[&texts, &numbers, &times]));
    }
    for kind in numbers {
        all.insert(kind as i32, ids(&[&texts, &numbers]));
    }
    for kind in times {
        all.insert(kind as i32, ids(&[&texts, &times]));
    }
    all
}

fn limits(info: &mut SqlInfoDataBuilder) {
    // Zero is "no limit, or none known".
    for id in [
        SqlInfo::SqlMaxBinaryLiteralLength,
        SqlInfo::SqlMaxCharLiteralLength,
        SqlInfo::SqlMaxColumnNameLength,
        SqlInfo::SqlMaxColumnsInGroupBy,
        SqlInfo::SqlMaxColumnsInIndex,
        SqlInfo::SqlMaxColumnsInOrderBy,
        SqlInfo::SqlMaxColumnsInSelect,
        SqlInfo::SqlMaxColumnsInTable,
        SqlInfo::SqlMaxConnections,
        SqlInfo::SqlMaxCursorNameLength,
        SqlInfo::SqlMaxIndexLength,
        SqlInfo::SqlDbSchemaNameLength,
        SqlInfo::SqlMaxProcedureNameLength,
        SqlInfo::SqlMaxCatalogNameLength,
        SqlInfo::SqlMaxRowSize,
        SqlInfo::SqlMaxStatementLength,
        SqlInfo::SqlMaxStatements,
        SqlInfo::SqlMaxTableNameLength,
        SqlInfo::SqlMaxTablesInSelect,
        SqlInfo::SqlMaxUsernameLength,
    ] {
        info.append(id, 0_i64);
    }
    info.append(SqlInfo::SqlMaxRowSizeIncludesBlobs, true);
}
