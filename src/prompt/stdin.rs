//! Standard input as a table: `CREATE EXTERNAL TABLE … LOCATION '/dev/stdin'`.
//!
//! A pipe can be read once and from its beginning only, which neither CSV nor Parquet can do with.
//! So all of it is read into memory when it is first asked for, and is a file in a store of its own.

use std::io::{self, IsTerminal, Read};
use std::sync::Arc;

use datafusion::common::{config_err, exec_datafusion_err};
use datafusion::error::Result;
use datafusion::prelude::SessionContext;
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{ObjectStoreExt, PutPayload};
use tokio::sync::OnceCell;
use tokio::task;
use url::Url;

/// The names that operating systems have for it.
const NAMES: [&str; 3] = ["/dev/stdin", "/dev/fd/0", "/proc/self/fd/0"];

/// Whether a path is standard input.
pub(crate) fn is_stdin(path: &str) -> bool {
    NAMES.contains(&path)
}

/// What comes by standard input.
#[derive(Debug)]
pub(crate) struct Stdin {
    /// Whether it is statements, so that it cannot be data.
    pub(crate) is_sql: bool,
    /// The data, once they have been read.
    data: OnceCell<PutPayload>,
    store: Arc<InMemory>,
}

impl Stdin {
    pub(crate) fn new(is_sql: bool) -> Self {
        Self { is_sql, data: OnceCell::new(), store: Arc::default() }
    }

    /// The URL of a file that has the data, with the ending of its format.
    ///
    /// # Errors
    /// Standard input has statements, is a terminal, or cannot be read.
    pub(crate) async fn file(&self, session: &SessionContext, ending: &str) -> Result<String> {
        let data = self.data.get_or_try_init(|| self.read()).await?;
        let name = format!("stdin.{}", ending.to_lowercase());
        self.store.put(&Path::from(name.as_str()), data.clone()).await?;
        let root = Url::parse("stdin:///").map_err(|error| exec_datafusion_err!("{error}"))?;
        session.register_object_store(&root, Arc::<InMemory>::clone(&self.store));
        Ok(format!("{root}{name}"))
    }

    async fn read(&self) -> Result<PutPayload> {
        if self.is_sql {
            return config_err!(
                "standard input has the statements, so it cannot have the data of a table, too; give the \
                 statements by -c or -f: k-corrset -f query.sql < data.csv"
            );
        }
        if io::stdin().is_terminal() {
            return config_err!(
                "standard input is a terminal and has no data; pipe them in: k-corrset -f query.sql < data.csv"
            );
        }
        let read = task::spawn_blocking(|| {
            let mut data = Vec::new();
            io::stdin().lock().read_to_end(&mut data).map(|_| data)
        });
        let data = read.await.map_err(|error| exec_datafusion_err!("standard input: {error}"))?;
        data.map(PutPayload::from).map_err(|error| exec_datafusion_err!("standard input: {error}"))
    }
}
