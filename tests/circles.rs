//! No files of `src` import each other in a circle: whoever reads one has its imports to read
//! before, and never the file itself.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use syn::visit::{self, Visit};
use syn::{Attribute, Item, ItemUse, UseTree, Visibility};

use crate::support::source::sources;

/// A module, by the names that lead to it; the crate's root has none.
type Module = Vec<String>;

/// What a file says of modules.
#[derive(Debug, Default)]
struct File {
    /// Paths of what it uses, from the crate's root.
    used: BTreeSet<Vec<String>>,
    /// Names that it hands on, with the paths of what they are.
    handed_on: BTreeMap<String, Vec<String>>,
}

/// Reads a file's paths.
struct Reader {
    module: Module,
    file: File,
}

impl Reader {
    /// The path from the root of what is written here.
    fn absolute(&self, written: &[String]) -> Option<Vec<String>> {
        let mut module = self.module.clone();
        match written.first()?.as_str() {
            "crate" => Some(written[1..].to_vec()),
            "self" => Some([module, written[1..].to_vec()].concat()),
            "super" => {
                module.pop();
                let rest: Vec<String> = written[1..].to_vec();
                Some([module, rest].concat())
            }
            _ => None,
        }
    }

    fn import(&mut self, import: &ItemUse) {
        let mut paths = Vec::new();
        flatten(&import.tree, &mut Vec::new(), &mut paths);
        for (name, path) in paths {
            // A child is named without more.
            let child = [self.module.clone(), path.clone()].concat();
            let path = self.absolute(&path).unwrap_or(child);
            match import.vis {
                Visibility::Inherited => drop(self.file.used.insert(path)),
                _ => drop(self.file.handed_on.insert(name, path)),
            }
        }
    }
}

/// The paths of an import, with the names they have here.
fn flatten(tree: &UseTree, before: &mut Vec<String>, paths: &mut Vec<(String, Vec<String>)>) {
    let mut leaf = |name: &str, last: Option<String>| {
        let path = before.iter().cloned().chain(last).collect();
        paths.push((name.to_string(), path));
    };
    match tree {
        UseTree::Path(path) => {
            before.push(path.ident.to_string());
            flatten(&path.tree, before, paths);
            before.pop();
        }
        UseTree::Name(name) if name.ident == "self" => leaf("self", None),
        UseTree::Name(name) => leaf(&name.ident.to_string(), Some(name.ident.to_string())),
        UseTree::Rename(rename) => leaf(&rename.rename.to_string(), Some(rename.ident.to_string())),
        UseTree::Glob(_) => leaf("*", None),
        UseTree::Group(group) => group.items.iter().for_each(|tree| flatten(tree, before, paths)),
    }
}

/// Whether something is there in tests alone.
fn is_of_tests(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        attribute.path().is_ident("cfg")
            && attribute.parse_args::<syn::Path>().is_ok_and(|condition| condition.is_ident("test"))
    })
}

impl<'ast> Visit<'ast> for Reader {
    fn visit_item(&mut self, item: &'ast Item) {
        match item {
            Item::Mod(module) if is_of_tests(&module.attrs) => {}
            Item::Use(import) if is_of_tests(&import.attrs) => {}
            Item::Use(import) => self.import(import),
            Item::Impl(implementation) if is_of_tests(&implementation.attrs) => {}
            Item::Fn(function) if is_of_tests(&function.attrs) => {}
            _ => visit::visit_item(self, item),
        }
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let written: Vec<String> = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
        if let Some(path) = self.absolute(&written).filter(|_| written.len() > 1) {
            self.file.used.insert(path);
        }
        visit::visit_path(self, path);
    }
}

/// The files of `src`, but for those of programs.
fn files() -> BTreeMap<Module, File> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let read = |(path, text): (PathBuf, String)| {
        let place = path.strip_prefix(&source).unwrap().with_extension("");
        let mut module: Module = place.iter().map(|name| name.to_string_lossy().into_owned()).collect();
        if module.last().is_some_and(|name| name == "mod" || name == "lib") {
            module.pop();
        }
        let mut reader = Reader { module: module.clone(), file: File::default() };
        reader.visit_file(&syn::parse_file(&text).unwrap());
        (module, reader.file)
    };
    let of_program = |path: &Path| path.starts_with(source.join("bin"));
    sources("").into_iter().filter(|(path, _)| !of_program(path)).map(read).collect()
}

/// The file in which the thing of a path is.
fn file_of(path: &[String], files: &BTreeMap<Module, File>) -> Module {
    let mut path = path.to_vec();
    // As often as a thing is handed on.
    for _ in 0..files.len() {
        let length = (0..=path.len()).rev().find(|length| files.contains_key(&path[..*length])).unwrap();
        let (module, rest) = path.split_at(length);
        let handed_on = rest.first().and_then(|name| files[module].handed_on.get(name));
        match handed_on {
            Some(to) if *to != path => path = [to.clone(), rest[1..].to_vec()].concat(),
            _ => return module.to_vec(),
        }
    }
    panic!("{path:?} is handed on without end");
}

#[test]
fn no_files_import_each_other_in_a_circle() {
    let files = files();
    assert!(files.len() > 100, "{} files", files.len());
    let imports: BTreeMap<&Module, BTreeSet<Module>> = files
        .iter()
        .map(|(module, file)| {
            let used = file.used.iter().map(|path| file_of(path, &files));
            (module, used.filter(|other| other != module).collect())
        })
        .collect();
    // From each file, the shortest way back to it.
    let circle = |start: &Module| {
        let mut ways = vec![vec![start.clone()]];
        let mut seen = BTreeSet::new();
        while !ways.is_empty() {
            let mut longer = Vec::new();
            for way in ways {
                for next in &imports[way.last().unwrap()] {
                    let further = [way.clone(), vec![next.clone()]].concat();
                    if next == start {
                        return Some(further);
                    }
                    if seen.insert(next.clone()) {
                        longer.push(further);
                    }
                }
            }
            ways = longer;
        }
        None
    };
    let mut circles: Vec<String> = Vec::new();
    let mut found = BTreeSet::new();
    for way in files.keys().filter_map(circle) {
        let mut members = way[1..].to_vec();
        members.sort();
        if found.insert(members) {
            let names = way.iter().map(|module| module.join("::"));
            circles.push(names.collect::<Vec<_>>().join(" → "));
        }
    }
    assert!(circles.is_empty(), "{} circles:\n{}", circles.len(), circles.join("\n"));
}
