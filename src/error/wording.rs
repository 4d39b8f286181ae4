//! The words of other libraries, as this one speaks. Owns the names of their layers.

/// A message of another library without the words that say which of its layers spoke.
///
/// ```
/// # use weir::error::without_layers;
/// assert_eq!(without_layers("Arrow error: Csv error: No field"), "no field");
/// ```
pub fn without_layers(message: &str) -> String {
    const LAYERS: &[&str] = &[
        "Error during planning: ",
        "Execution error: ",
        "Arrow error: ",
        "Optimizer rule ",
        "External error: ",
        "IO error: ",
        "Object Store error: ",
        "Parquet error: ",
        "This feature is not implemented: ",
        "Parser error: ",
        "Cast error: ",
        "Compute error: ",
        "Invalid argument error: ",
        "Arithmetic overflow: ",
        "Csv error: ",
        "Json error: ",
        "Avro error: ",
    ];
    let mut message = message.trim();
    while let Some(rest) = LAYERS.iter().find_map(|layer| message.strip_prefix(layer)) {
        message = rest;
    }
    let mut characters = message.chars();
    match (characters.next(), characters.clone().next()) {
        (Some(first), Some(second)) if first.is_uppercase() && second.is_lowercase() => {
            first.to_lowercase().chain(characters).collect()
        }
        _ => message.to_owned(),
    }
}
