//! The paths of a source file that reach another top-level module of the crate.
//!
//! Works on tokens, so that comments and strings are out of the way and macros' bodies are not. Resolves
//! no names: a path counts by how it is written.

use std::collections::BTreeMap;

use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};

/// What a path reaches.
#[derive(Debug, PartialEq)]
pub(super) enum Target {
    /// This name at the crate's root.
    Name(String),
    /// The root itself, in this way.
    Root(&'static str),
}

/// A path that reaches the crate's root.
#[derive(Debug)]
pub(super) struct Edge {
    /// The line it stands on, from 1.
    pub(super) line: usize,
    /// What it reaches.
    pub(super) target: Target,
}

const GLOB: &str = "a glob of the crate's root";
const RENAMED: &str = "the crate's root by another name";

/// The edges of `source`, the file of the module `path`.
pub(super) fn edges(path: &[String], source: &str) -> Result<Vec<Edge>, String> {
    let tokens = tokens(source)?;
    let mut reader = Reader {
        module: path.to_vec(),
        edges: Vec::new(),
        line: None,
    };
    reader.read(&tokens);
    Ok(reader.edges)
}

/// What `lib.rs` re-exports: each name and the module it comes from.
pub(super) fn reexports(source: &str) -> Result<BTreeMap<String, String>, String> {
    let mut found = BTreeMap::new();
    let tokens = tokens(source)?;
    for (at, pair) in tokens.windows(2).enumerate() {
        if is_word(&pair[0], "pub") && is_word(&pair[1], "use") {
            leaves(&tokens[at + 2..], &[], &mut found)?;
        }
    }
    Ok(found)
}

fn tokens(source: &str) -> Result<Vec<TokenTree>, String> {
    let stream: TokenStream = source
        .parse()
        .map_err(|error| format!("1: cannot be read: {error}"))?;
    Ok(stream.into_iter().collect())
}

fn is_word(token: &TokenTree, word: &str) -> bool {
    matches!(token, TokenTree::Ident(ident) if ident == word)
}

fn is_mark(token: Option<&TokenTree>, mark: char) -> bool {
    matches!(token, Some(TokenTree::Punct(punct)) if punct.as_char() == mark)
}

/// `::` at `at`.
fn is_step(tokens: &[TokenTree], at: usize) -> bool {
    is_mark(tokens.get(at), ':') && is_mark(tokens.get(at + 1), ':')
}

fn children(group: &Group) -> Vec<TokenTree> {
    group.stream().into_iter().collect()
}

/// The branches of a `{…}` group.
fn branches(group: &Group) -> Vec<Vec<TokenTree>> {
    children(group)
        .split(|token| is_mark(Some(token), ','))
        .filter(|branch| !branch.is_empty())
        .map(<[_]>::to_vec)
        .collect()
}

/// Walks the tokens of a module and notes its edges.
struct Reader {
    /// Where it is: the path of the module around it.
    module: Vec<String>,
    edges: Vec<Edge>,
    /// The line of an attribute, whose text has lines of its own.
    line: Option<usize>,
}

impl Reader {
    fn read(&mut self, tokens: &[TokenTree]) {
        let mut at = 0;
        while at < tokens.len() {
            at += match &tokens[at] {
                TokenTree::Ident(word) if word == "mod" => self.inline_module(tokens, at),
                TokenTree::Ident(_) if starts_path(tokens, at) => {
                    let depth = self.module.len();
                    self.path(&tokens[at..], depth)
                }
                TokenTree::Group(group) if is_attribute(tokens, at) => {
                    self.attribute(group);
                    1
                }
                TokenTree::Group(group) => {
                    self.read(&children(group));
                    1
                }
                _ => 1,
            };
        }
    }

    /// `mod name { … }` is one module deeper.
    fn inline_module(&mut self, tokens: &[TokenTree], at: usize) -> usize {
        let (Some(TokenTree::Ident(name)), Some(TokenTree::Group(body))) =
            (tokens.get(at + 1), tokens.get(at + 2))
        else {
            return 1;
        };
        self.module.push(name.to_string());
        self.read(&children(body));
        self.module.pop();
        3
    }

    /// Paths stand in the strings of attributes too (`#[serde(with = "…")]`), but documentation is free.
    fn attribute(&mut self, group: &Group) {
        let content = children(group);
        if content.first().is_some_and(|token| is_word(token, "doc")) {
            return;
        }
        self.read(&content);
        let mut groups = vec![content];
        while let Some(tokens) = groups.pop() {
            for token in tokens {
                match token {
                    TokenTree::Group(group) => groups.push(children(&group)),
                    TokenTree::Literal(literal) => {
                        let text = literal.to_string();
                        let inside = text.trim_start_matches(['r', '#']).trim_matches(['"', '#']);
                        if let Ok(stream) = inside.parse::<TokenStream>() {
                            self.line = Some(literal.span().start().line);
                            self.read(&stream.into_iter().collect::<Vec<_>>());
                            self.line = None;
                        }
                    }
                    _ => {}
                }
            }
        }
    }

    /// Follows a path from a module `depth` below the root. Returns how many tokens were read.
    fn path(&mut self, tokens: &[TokenTree], depth: usize) -> usize {
        let (mut at, mut depth) = (0, depth);
        loop {
            let token = &tokens[at];
            let line = self.line.unwrap_or_else(|| token.span().start().line);
            match token {
                TokenTree::Ident(word) if word == "crate" || word == "weir" => depth = 0,
                TokenTree::Ident(word) if word == "super" => depth = depth.saturating_sub(1),
                TokenTree::Ident(word) if word == "self" => {}
                TokenTree::Ident(word) if depth == 0 => {
                    self.note(line, Target::Name(word.to_string()));
                    return at + 1;
                }
                TokenTree::Group(group) if group.delimiter() == Delimiter::Brace => {
                    for branch in branches(group) {
                        self.path(&branch, depth);
                    }
                    return at + 1;
                }
                TokenTree::Punct(mark) if mark.as_char() == '*' && depth == 0 => {
                    self.note(line, Target::Root(GLOB));
                    return at + 1;
                }
                _ => return at + 1,
            }
            if !is_step(tokens, at + 1) {
                if depth == 0 && tokens.get(at + 1).is_some_and(|next| is_word(next, "as")) {
                    self.note(line, Target::Root(RENAMED));
                }
                return at + 1;
            }
            at += 3;
            if at >= tokens.len() {
                return at;
            }
        }
    }

    fn note(&mut self, line: usize, target: Target) {
        self.edges.push(Edge { line, target });
    }
}

/// A path that is written from the root, from here or from above; not the tail of another one, not the
/// `crate` of a visibility, not a variable of that name.
fn starts_path(tokens: &[TokenTree], at: usize) -> bool {
    let rooted = ["crate", "super", "self"]
        .iter()
        .any(|word| is_word(&tokens[at], word));
    let named = is_word(&tokens[at], "weir");
    let renamed = !named
        && at > 0
        && is_word(&tokens[at - 1], "use")
        && tokens.get(at + 1).is_some_and(|next| is_word(next, "as"));
    if !(rooted || named) || !(is_step(tokens, at + 1) || renamed) {
        return false;
    }
    let tail = at >= 2 && is_step(tokens, at - 2);
    let global = at < 3 || !matches!(&tokens[at - 3], TokenTree::Ident(word) if !is_keyword(word));
    !tail || (named && global)
}

fn is_keyword(word: &proc_macro2::Ident) -> bool {
    [
        "use", "return", "as", "in", "dyn", "impl", "for", "mut", "match", "if",
    ]
    .iter()
    .any(|keyword| word == keyword)
}

/// `#[…]` or `#![…]`.
fn is_attribute(tokens: &[TokenTree], at: usize) -> bool {
    let before = |n: usize| at.checked_sub(n).and_then(|at| tokens.get(at));
    is_mark(before(1), '#') || (is_mark(before(1), '!') && is_mark(before(2), '#'))
}

/// The names that the tree of a `use` brings in, each with the first segment of its path.
fn leaves(
    tokens: &[TokenTree],
    above: &[String],
    found: &mut BTreeMap<String, String>,
) -> Result<(), String> {
    let mut segments = above.to_vec();
    let mut at = 0;
    loop {
        match tokens.get(at) {
            Some(TokenTree::Ident(word)) if word == "self" && !segments.is_empty() => {}
            Some(TokenTree::Ident(word)) if word == "crate" || word == "self" => {}
            Some(TokenTree::Ident(word)) => segments.push(word.to_string()),
            Some(TokenTree::Group(group)) => {
                for branch in branches(group) {
                    leaves(&branch, &segments, found)?;
                }
                return Ok(());
            }
            _ => return Err(format!("lib.rs re-exports a glob of '{}'", segments.join("::"))),
        }
        if !is_step(tokens, at + 1) {
            break;
        }
        at += 3;
    }
    let renamed = tokens.get(at + 1).is_some_and(|next| is_word(next, "as"));
    let name = match tokens.get(at + 2) {
        Some(TokenTree::Ident(name)) if renamed => Some(name.to_string()),
        _ => segments.last().cloned(),
    };
    if let (Some(name), Some(module)) = (name, segments.first()) {
        found.insert(name, module.clone());
    }
    Ok(())
}
