//! The files of the suite, and a place to run them in.

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use datafusion_sqllogictest::{TestFile, read_dir_recursive};
use tempfile::TempDir;

/// Where the files lie, seen from the folder they are run in.
const TEST_FILES: &str = "test_files/";

/// A copy of the suite, laid out as in a checkout of DataFusion, for the files write next to
/// themselves and read `../../testing/data`. It is gone when this is dropped.
#[derive(Debug)]
pub struct Workspace {
    folder: TempDir,
}

impl Workspace {
    /// Copies the suite out of the package `datafusion-sqllogictest`, and makes its folder the one
    /// that the process works in.
    ///
    /// # Arguments
    /// `data`: a folder with `testing` and `parquet-testing`.
    pub fn new(data: Option<&Path>) -> Result<Self, Box<dyn Error>> {
        let folder = TempDir::new()?;
        let package = package_folder("datafusion-sqllogictest")?;
        let home = folder.path().join("datafusion").join("sqllogictest");
        for below in ["test_files", "data"] {
            copy(&package.join(below), &home.join(below))?;
        }
        for below in ["testing", "parquet-testing"] {
            let data = data.map(|data| data.join(below)).filter(|data| data.exists());
            if let Some(data) = data {
                copy(&data, &folder.path().join(below))?;
            }
        }
        std::env::set_current_dir(&home)?;
        Ok(Self { folder })
    }

    /// How the place is written in plans and errors: without the slash at its beginning.
    pub fn root(&self) -> String {
        self.folder.path().to_string_lossy().trim_start_matches('/').to_string()
    }
}

/// All files of the suite whose path has one of the filters in it, or all.
///
/// They come in groups, whose files must not be run at the same time: the folder that a file
/// writes into has the file's name, whatever folder the file itself is in.
pub fn groups(filters: &[String]) -> Result<Vec<Vec<TestFile>>, Box<dyn Error>> {
    let paths = read_dir_recursive(TEST_FILES)?.into_iter();
    let mut files: Vec<TestFile> =
        paths.map(|path| TestFile::new(path, &[TEST_FILES])).filter(TestFile::is_slt_file).collect();
    files.retain(|file| {
        let path = file.relative_path.to_string_lossy();
        filters.is_empty() || filters.iter().any(|filter| path.contains(filter))
    });
    files.sort_unstable();
    let mut groups: Vec<Vec<TestFile>> = Vec::new();
    for file in files {
        let name = file.relative_path.file_stem();
        let group = groups.iter_mut().find(|group| group[0].relative_path.file_stem() == name);
        match group {
            Some(group) => group.push(file),
            None => groups.push(vec![file]),
        }
    }
    Ok(groups)
}

/// Where Cargo has unpacked a package that this one depends on.
fn package_folder(name: &str) -> Result<PathBuf, Box<dyn Error>> {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml");
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["metadata", "--format-version", "1", "--locked", "--manifest-path"])
        .arg(manifest)
        .output()?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into());
    }
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout)?;
    let packages = metadata["packages"].as_array().ok_or("cargo metadata lists no packages")?;
    let package = packages.iter().find(|package| package["name"] == name);
    let manifest = package.and_then(|package| package["manifest_path"].as_str());
    let folder = manifest.and_then(|manifest| Path::new(manifest).parent());
    Ok(folder.ok_or_else(|| format!("no package {name}"))?.to_path_buf())
}

fn copy(from: &Path, to: &Path) -> std::io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &target)?;
        } else {
            fs::write(target, fs::read(entry.path())?)?;
        }
    }
    Ok(())
}
