//! The one dialect of SQL that is read: sqlparser's generic one, with lambdas (`x -> x + 1`),
//! `ORDER BY ALL`, `1_000`, texts that go on in the next line, and `IS DISTINCT FROM` that ends before AND.

use std::any::TypeId;

use sqlparser::ast::Expr;
use sqlparser::dialect::{Dialect, GenericDialect};
use sqlparser::keywords::Keyword;
use sqlparser::parser::{Parser, ParserError};

/// The dialect.
#[derive(Debug, Clone, Copy)]
pub(super) struct LakeDialect;

/// Makes the dialect of the names of what it supports.
macro_rules! dialect {
    ($($feature:ident),* $(,)?) => {
        impl Dialect for LakeDialect {
            /// Where the parser asks for the dialect by its name, this is the generic one.
            fn dialect(&self) -> TypeId {
                TypeId::of::<GenericDialect>()
            }

            fn is_delimited_identifier_start(&self, character: char) -> bool {
                GenericDialect.is_delimited_identifier_start(character)
            }

            fn is_identifier_start(&self, character: char) -> bool {
                GenericDialect.is_identifier_start(character)
            }

            fn is_identifier_part(&self, character: char) -> bool {
                GenericDialect.is_identifier_part(character)
            }

            /// `a IS [NOT] DISTINCT FROM b` ends where `b` does; the parser by itself would take `b AND c` for it.
            fn parse_infix(
                &self,
                parser: &mut Parser<'_>,
                left: &Expr,
                precedence: u8,
            ) -> Option<Result<Expr, ParserError>> {
                let is = [Keyword::IS, Keyword::DISTINCT, Keyword::FROM];
                let is_not = [Keyword::IS, Keyword::NOT, Keyword::DISTINCT, Keyword::FROM];
                let of: fn(_, _) -> Expr = if parser.parse_keywords(&is) {
                    Expr::IsDistinctFrom
                } else if parser.parse_keywords(&is_not) {
                    Expr::IsNotDistinctFrom
                } else {
                    return None;
                };
                let right = parser.parse_subexpr(precedence);
                Some(right.map(|right| of(Box::new(left.clone()), Box::new(right))))
            }

            $(fn $feature(&self) -> bool {
                true
            })*
        }
    };
}

dialect! {
    // Beyond the generic dialect.
    supports_lambda_functions,
    supports_order_by_all,
    supports_numeric_literal_underscores,
    supports_string_literal_concatenation_with_newline,
    // As in the generic dialect.
    supports_unicode_string_literal,
    supports_partition_by_after_order_by,
    supports_array_join_syntax,
    supports_group_by_expr,
    supports_group_by_with_modifier,
    supports_left_associative_joins_without_parens,
    supports_connect_by,
    supports_match_recognize,
    supports_pipe_operator,
    supports_start_transaction_modifier,
    supports_window_function_null_treatment_arg,
    supports_dictionary_syntax,
    supports_window_clause_named_window_reference,
    supports_parenthesized_set_variables,
    supports_select_wildcard_except,
    support_map_literal_syntax,
    allow_extract_custom,
    allow_extract_single_quotes,
    supports_extract_comma_syntax,
    supports_create_view_comment_syntax,
    supports_parens_around_table_factor,
    supports_values_as_table_factor,
    supports_create_index_with_clause,
    supports_explain_with_utility_options,
    supports_limit_comma,
    supports_update_order_by,
    supports_from_first_select,
    supports_projection_trailing_commas,
    supports_asc_desc_in_column_definition,
    supports_try_convert,
    supports_bitwise_shift_operators,
    supports_comment_on,
    supports_load_extension,
    supports_named_fn_args_with_assignment_operator,
    supports_struct_literal,
    supports_empty_projections,
    supports_nested_comments,
    supports_multiline_comment_hints,
    supports_user_host_grantee,
    supports_string_escape_constant,
    supports_array_typedef_with_brackets,
    supports_match_against,
    supports_set_names,
    supports_comma_separated_set_assignments,
    supports_filter_during_aggregation,
    supports_select_wildcard_exclude,
    supports_data_type_signed_suffix,
    supports_interval_options,
    supports_quote_delimited_string,
    supports_select_wildcard_replace,
    supports_select_wildcard_ilike,
    supports_select_wildcard_rename,
    supports_optimize_table,
    supports_install,
    supports_detach,
    supports_prewhere,
    supports_with_fill,
    supports_limit_by,
    supports_interpolate,
    supports_settings,
    supports_select_format,
    supports_comment_optimizer_hint,
    supports_constraint_keyword_without_name,
    supports_key_column_option,
    supports_comma_separated_trim,
    supports_cte_without_as,
    supports_select_item_multi_column_alias,
    supports_xml_expressions,
}
