//! What a function says of itself: the one shape from which [`Documentation`] is made.

use datafusion::logical_expr::{DocSection, Documentation};

/// A function's description. Every function has all of it but arguments.
#[derive(Debug, Clone, Copy)]
pub(super) struct Described {
    /// The heading it stands under.
    pub(super) section: &'static str,
    /// One sentence, and what NULL, NaN and ties do where it matters.
    pub(super) sentence: &'static str,
    /// Who defined it so: a standard, a paper, a system.
    pub(super) source: &'static str,
    /// How it is called.
    pub(super) syntax: &'static str,
    /// A statement that runs as it stands, and its answer after `--`.
    pub(super) example: &'static str,
    /// Name and meaning of each argument.
    pub(super) arguments: &'static [(&'static str, &'static str)],
}

impl Described {
    /// As DataFusion carries it.
    pub(super) fn documentation(&self, aliases: &[&str]) -> Documentation {
        let section = DocSection {
            include: true,
            label: self.section,
            description: None,
        };
        let text = format!("{} Source: {}.", self.sentence, self.source);
        let mut builder = Documentation::builder(section, text, self.syntax).with_sql_example(self.example);
        for (name, meaning) in self.arguments {
            builder = builder.with_argument(*name, *meaning);
        }
        let (name, rest) = self
            .syntax
            .split_at(self.syntax.find('(').unwrap_or(self.syntax.len()));
        for alias in aliases.iter().filter(|alias| **alias != name) {
            builder = builder.with_alternative_syntax(format!("{alias}{rest}"));
        }
        builder.build()
    }
}
