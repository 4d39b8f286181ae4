//! Every function says what it is, and its example is true.

use datafusion::execution::context::SessionContext;
use datafusion::logical_expr::Documentation;

use super::session::shown;

fn all() -> Vec<(String, Vec<String>, Documentation)> {
    let mut all = Vec::new();
    for f in crate::functions::scalar() {
        all.push((
            f.name().to_owned(),
            f.aliases().to_vec(),
            f.documentation().unwrap().clone(),
        ));
    }
    for f in crate::functions::aggregate() {
        all.push((
            f.name().to_owned(),
            f.aliases().to_vec(),
            f.documentation().unwrap().clone(),
        ));
    }
    for f in crate::functions::window() {
        all.push((
            f.name().to_owned(),
            f.aliases().to_vec(),
            f.documentation().unwrap().clone(),
        ));
    }
    all
}

/// These are passed the key of their order, by planning; `tests/session.rs` runs their examples.
const NEEDING_THEIR_ORDER: [&str; 2] = ["interpolate_linear", "late_by"];

#[test]
fn every_function_is_documented() {
    for (name, aliases, documentation) in all() {
        assert!(
            documentation.syntax_example.starts_with(&format!("{name}(")),
            "{name}"
        );
        assert!(documentation.description.contains(" Source: "), "{name}");
        assert!(
            documentation
                .arguments
                .is_some_and(|arguments| !arguments.is_empty()),
            "{name}"
        );
        let others = documentation.alternative_syntax.unwrap_or_default();
        assert_eq!(others.len(), aliases.len(), "{name}");
    }
}

/// What is meant to stand in place of DataFusion's.
const IN_PLACE: &[&str] = &["sum"];

#[test]
fn no_function_hides_another() {
    let mut names: Vec<String> = all()
        .into_iter()
        .flat_map(|(name, mut aliases, _)| {
            aliases.push(name);
            aliases
        })
        .collect();
    let state = SessionContext::new().state();
    for name in names.iter().filter(|name| !IN_PLACE.contains(&name.as_str())) {
        assert!(!state.scalar_functions().contains_key(name), "{name}");
        assert!(!state.aggregate_functions().contains_key(name), "{name}");
        assert!(!state.window_functions().contains_key(name), "{name}");
    }
    names.sort();
    let count = names.len();
    names.dedup();
    assert_eq!(names.len(), count);
}

#[tokio::test]
async fn every_example_gives_the_answer_it_shows() {
    for (name, _, documentation) in all() {
        if NEEDING_THEIR_ORDER.contains(&name.as_str()) {
            continue;
        }
        let example = documentation.sql_example.unwrap();
        let (sql, wanted) = example
            .split_once("; -- ")
            .unwrap_or_else(|| panic!("{name}: {example}"));
        let found = shown(sql).await.replace('∅', "NULL").replace('|', ", ");
        assert!(
            found == wanted || found.starts_with(wanted),
            "{name}: {found}, said {wanted}"
        );
    }
}
