//! What a source file names: paths, macros, `unsafe`. Read from tokens, so that comments and strings say nothing.
//!
//! Not a resolver: a name that the file declares or imports has this meaning in all of the file, and what a macro makes of its tokens is
//! not seen. Enough to find an import, which is how a person or a tool crosses a layer.

use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};
use std::collections::HashMap;

/// Something named in a source file.
#[derive(Debug, PartialEq, Eq)]
pub enum Named {
    /// A path, from the root: `["crate", "vault", "Vault"]`, or from a crate: `["rusqlite", "Connection"]`.
    Path(Vec<String>),
    /// A macro called by its name alone.
    Macro(String),
    /// The keyword.
    Unsafe,
}

/// What `text` names, with lines. `module` is where the file hangs: `["factor", "pkcs11"]`.
///
/// # Errors
/// The text is not Rust.
pub fn named(module: &[String], text: &str) -> Result<Vec<(usize, Named)>, String> {
    let stream: TokenStream = text.parse().map_err(|error| format!("not Rust: {error}"))?;
    let mut scan = Scan { module: module.to_vec(), local: HashMap::new(), found: Vec::new() };
    scan.declarations(stream.clone());
    scan.stream(stream);
    Ok(scan.found)
}

struct Scan {
    module: Vec<String>,
    /// What the file's own names stand for; nothing for a module that it declares.
    local: HashMap<String, Vec<String>>,
    found: Vec<(usize, Named)>,
}

impl Scan {
    /// Names that the file gives itself, anywhere in it: `mod x`, `use a::x`, `use a::b as x`.
    fn declarations(&mut self, stream: TokenStream) {
        let tokens: Vec<_> = stream.into_iter().collect();
        for (at, token) in tokens.iter().enumerate() {
            match token {
                TokenTree::Group(group) => self.declarations(group.stream()),
                TokenTree::Ident(ident) if ident == "mod" => {
                    self.local.extend(ident_at(&tokens, at + 1).map(|name| (name, Vec::new())));
                }
                TokenTree::Ident(ident) if ident == "use" => {
                    for path in use_paths(&tokens[at + 1..]) {
                        let name = path.alias.or(path.names.last().cloned());
                        self.local.extend(name.map(|name| (name, path.names)));
                    }
                }
                _ => {}
            }
        }
    }

    fn stream(&mut self, stream: TokenStream) {
        let tokens: Vec<_> = stream.into_iter().collect();
        let mut at = 0;
        while let Some(token) = tokens.get(at) {
            at = match token {
                TokenTree::Group(group) => {
                    self.stream(group.stream());
                    at + 1
                }
                TokenTree::Ident(ident) => self.ident(&ident.to_string(), &tokens, at),
                _ => at + 1,
            };
        }
    }

    /// Handles the identifier at `at`; gives where to go on.
    fn ident(&mut self, ident: &str, tokens: &[TokenTree], at: usize) -> usize {
        let line = tokens[at].span().start().line;
        match ident {
            "unsafe" => self.found.push((line, Named::Unsafe)),
            "mod" => {
                if let (Some(name), Some(TokenTree::Group(body))) = (ident_at(tokens, at + 1), tokens.get(at + 2)) {
                    self.inside(name, body);
                    return at + 3;
                }
            }
            "use" if !is_punct(tokens.get(at + 1), '<') => {
                for path in use_paths(&tokens[at + 1..]) {
                    self.path(line, path.names);
                }
                let end = tokens[at..].iter().position(|token| is_punct(Some(token), ';'));
                return end.map_or(tokens.len(), |end| at + end + 1);
            }
            "crate" if at > 0 && matches!(&tokens[at - 1], TokenTree::Ident(before) if before == "extern") => {
                self.found.extend(ident_at(tokens, at + 1).map(|name| (line, Named::Path(vec![name]))));
            }
            _ => return self.expression(line, ident, tokens, at),
        }
        at + 1
    }

    /// A path outside `use`, a macro, or a mere name.
    fn expression(&mut self, line: usize, ident: &str, tokens: &[TokenTree], at: usize) -> usize {
        let mut names = vec![ident.to_owned()];
        let mut end = at + 1;
        while is_colons(tokens, end) {
            let Some(name) = ident_at(tokens, end + 2) else { break };
            names.push(name);
            end += 3;
        }
        let bang = is_punct(tokens.get(end), '!') && matches!(tokens.get(end + 1), Some(TokenTree::Group(_)));
        if bang {
            self.found.extend(names.last().map(|name| (line, Named::Macro(name.clone()))));
        }
        // `<T as Trait>::name::..` continues a type; `::name::..` starts at a crate.
        let continued = at >= 3 && is_colons(tokens, at - 2) && is_punct(tokens.get(at - 3), '>');
        let from_crate = at >= 2 && is_colons(tokens, at - 2) && !continued;
        if names.len() > 1 && !continued {
            match self.local.get(ident).filter(|_| !from_crate) {
                Some(own) if own.is_empty() => {}
                Some(imported) => self.path(line, [imported, &names[1..]].concat()),
                None => self.path(line, names),
            }
        }
        end
    }

    /// Notes a path, with `self` and `super` resolved.
    fn path(&mut self, line: usize, names: Vec<String>) {
        let mut base = self.module.clone();
        let mut rest = names.as_slice();
        let relative = matches!(rest.first().map(String::as_str), Some("self" | "super"));
        while let Some(first) = rest.first().filter(|first| *first == "self" || *first == "super") {
            if first == "super" {
                base.pop();
            }
            rest = &rest[1..];
        }
        let full = if relative { [&["crate".to_owned()][..], &base, rest].concat() } else { names };
        self.found.push((line, Named::Path(full)));
    }

    fn inside(&mut self, name: String, body: &Group) {
        self.module.push(name);
        self.stream(body.stream());
        self.module.pop();
    }
}

struct UsePath {
    names: Vec<String>,
    alias: Option<String>,
}

/// The paths of a `use`, its tree spread out. `tokens` start behind the keyword; ends at `;`.
fn use_paths(tokens: &[TokenTree]) -> Vec<UsePath> {
    let mut names = Vec::new();
    let mut at = 0;
    while let Some(token) = tokens.get(at) {
        match token {
            TokenTree::Ident(ident) if ident == "as" => {
                return vec![UsePath { names, alias: ident_at(tokens, at + 1) }];
            }
            TokenTree::Ident(ident) => names.push(ident.to_string()),
            TokenTree::Group(group) if group.delimiter() == Delimiter::Brace => {
                let inner: Vec<_> = group.stream().into_iter().collect();
                return inner
                    .split(|token| is_punct(Some(token), ','))
                    .filter(|part| !part.is_empty())
                    .flat_map(use_paths)
                    .map(|path| UsePath { names: joined(&names, path.names), alias: path.alias })
                    .collect();
            }
            TokenTree::Punct(punct) if punct.as_char() == '*' => names.push("*".to_owned()),
            TokenTree::Punct(punct) if punct.as_char() == ':' => {}
            _ => break,
        }
        at += 1;
    }
    vec![UsePath { names, alias: None }]
}

/// `a::b::{self}` is `a::b`.
fn joined(outer: &[String], inner: Vec<String>) -> Vec<String> {
    if inner == ["self"] { outer.to_vec() } else { [outer, &inner].concat() }
}

fn ident_at(tokens: &[TokenTree], at: usize) -> Option<String> {
    match tokens.get(at) {
        Some(TokenTree::Ident(ident)) => Some(ident.to_string()),
        _ => None,
    }
}

fn is_punct(token: Option<&TokenTree>, wanted: char) -> bool {
    matches!(token, Some(TokenTree::Punct(punct)) if punct.as_char() == wanted)
}

fn is_colons(tokens: &[TokenTree], at: usize) -> bool {
    is_punct(tokens.get(at), ':') && is_punct(tokens.get(at + 1), ':')
}
