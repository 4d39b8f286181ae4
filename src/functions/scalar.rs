//! One scalar function as DataFusion's `ScalarUDFImpl`, and its arguments as columns.

use std::fmt::Debug;
use std::hash::{Hash, Hasher};

use arrow::array::{Array, ArrayRef, AsArray, LargeStringArray, StringArray, StringViewArray};
use arrow::datatypes::DataType;
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::{
    ColumnarValue, Documentation, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};

use super::documentation::Described;
use super::failure::{internal, wrong_count, wrong_type};

/// What a family says of a function.
pub(super) trait ScalarFunction: Debug + Eq + Hash + Send + Sync + 'static {
    /// Its name.
    fn name(&self) -> &'static str;

    /// Other names for it.
    fn aliases(&self) -> &'static [&'static str] {
        &[]
    }

    /// Its documentation.
    fn described(&self) -> Described;

    /// The types its arguments are cast to; those types stay themselves.
    fn coerce(&self, types: &[DataType]) -> Result<Vec<DataType>>;

    /// The result's type, from coerced arguments.
    fn return_type(&self, types: &[DataType]) -> DataType;

    /// Computes `rows` results.
    fn call(&self, arguments: &[Argument], rows: usize) -> Result<ArrayRef>;
}

/// An argument's values: one a row, or one for all rows.
#[derive(Debug)]
pub(super) struct Argument {
    /// The values; a single one if `constant`.
    pub(super) values: ArrayRef,
    /// Whether the first value is every row's.
    pub(super) constant: bool,
}

impl Argument {
    fn new(value: ColumnarValue) -> Result<Self> {
        Ok(match value {
            ColumnarValue::Array(values) => Self {
                values,
                constant: false,
            },
            ColumnarValue::Scalar(value) => Self {
                values: value.to_array()?,
                constant: true,
            },
        })
    }

    /// Where the value of a row is.
    pub(super) fn at(&self, row: usize) -> usize {
        if self.constant { 0 } else { row }
    }

    /// The value as text.
    pub(super) fn text(&self, function: &str) -> Result<Text<'_>> {
        let strings = match self.values.data_type() {
            DataType::Utf8 => Strings::Small(self.values.as_string()),
            DataType::LargeUtf8 => Strings::Large(self.values.as_string()),
            DataType::Utf8View => Strings::View(self.values.as_string_view()),
            _ => return Err(internal(function, "an argument that should be text is not")),
        };
        Ok(Text {
            strings,
            constant: self.constant,
        })
    }
}

/// Text of any of Arrow's string types.
#[derive(Debug)]
pub(super) struct Text<'a> {
    strings: Strings<'a>,
    constant: bool,
}

#[derive(Debug)]
enum Strings<'a> {
    Small(&'a StringArray),
    Large(&'a LargeStringArray),
    View(&'a StringViewArray),
}

impl Text<'_> {
    /// The text of a row.
    pub(super) fn get(&self, row: usize) -> Option<&str> {
        let row = if self.constant { 0 } else { row };
        match self.strings {
            Strings::Small(array) => array.is_valid(row).then(|| array.value(row)),
            Strings::Large(array) => array.is_valid(row).then(|| array.value(row)),
            Strings::View(array) => array.is_valid(row).then(|| array.value(row)),
        }
    }
}

/// A function in DataFusion's clothes.
#[derive(Debug)]
pub(super) struct Shell<F> {
    function: F,
    signature: Signature,
    aliases: Vec<String>,
    documentation: Documentation,
}

impl<F: ScalarFunction> Shell<F> {
    /// The function as DataFusion registers it.
    pub(super) fn udf(function: F) -> ScalarUDF {
        let mut names = vec![function.name()];
        names.extend(function.aliases());
        ScalarUDF::new_from_impl(Self {
            signature: Signature::user_defined(Volatility::Immutable),
            aliases: function.aliases().iter().map(|&alias| alias.to_owned()).collect(),
            documentation: function.described().documentation(&names),
            function,
        })
    }
}

impl<F: ScalarFunction> PartialEq for Shell<F> {
    fn eq(&self, other: &Self) -> bool {
        self.function == other.function
    }
}

impl<F: ScalarFunction> Eq for Shell<F> {}

impl<F: ScalarFunction> Hash for Shell<F> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.function.hash(state);
    }
}

impl<F: ScalarFunction> ScalarUDFImpl for Shell<F> {
    fn name(&self) -> &str {
        self.function.name()
    }

    fn aliases(&self) -> &[String] {
        &self.aliases
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        // An error from here would reach the user as text without its code: the types stay as they
        // are, and `return_type` refuses them.
        Ok(self.function.coerce(types).unwrap_or_else(|_| types.to_vec()))
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        Ok(self.function.return_type(&self.function.coerce(types)?))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let rows = args.number_rows;
        let arguments = args.args.into_iter().map(Argument::new);
        let arguments = arguments.collect::<Result<Vec<_>>>()?;
        if arguments.iter().all(|argument| argument.constant) {
            let result = self.function.call(&arguments, 1)?;
            return Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(&result, 0)?));
        }
        Ok(ColumnarValue::Array(self.function.call(&arguments, rows)?))
    }

    fn documentation(&self) -> Option<&Documentation> {
        Some(&self.documentation)
    }
}

/// Checks the number of arguments.
pub(super) fn expect_arguments(
    function: &impl ScalarFunction,
    types: &[DataType],
    wanted: &[usize],
) -> Result<()> {
    if wanted.contains(&types.len()) {
        return Ok(());
    }
    Err(wrong_count(
        function.name(),
        function.described().syntax,
        types.len(),
    ))
}

/// The string type that an argument is read as.
pub(super) fn text_type(function: &str, argument: &str, found: &DataType) -> Result<DataType> {
    match found {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => Ok(found.clone()),
        DataType::Null => Ok(DataType::Utf8View),
        DataType::Dictionary(_, values) => text_type(function, argument, values),
        other => Err(wrong_type(function, argument, "text", other)),
    }
}
