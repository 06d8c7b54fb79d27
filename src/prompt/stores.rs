//! Where tables lie: on this machine and, with the feature `cloud`, in the stores of clouds.

use std::sync::Arc;

use datafusion::common::config_datafusion_err;
use datafusion::error::Result;
use datafusion::execution::object_store::{DefaultObjectStoreRegistry, ObjectStoreRegistry};
use object_store::ObjectStore;
use url::Url;

use crate::prompt::builds::built_without;

/// The URLs that the feature `cloud` can read.
const CLOUDS: [&str; 7] = ["cos", "gcs", "gs", "http", "https", "oss", "s3"];

/// DataFusion's stores, which tell how to get at those that are not there.
#[derive(Debug, Default)]
pub(crate) struct Stores(DefaultObjectStoreRegistry);

impl ObjectStoreRegistry for Stores {
    fn register_store(&self, url: &Url, store: Arc<dyn ObjectStore>) -> Option<Arc<dyn ObjectStore>> {
        self.0.register_store(url, store)
    }

    fn deregister_store(&self, url: &Url) -> Result<Arc<dyn ObjectStore>> {
        self.0.deregister_store(url)
    }

    fn get_store(&self, url: &Url) -> Result<Arc<dyn ObjectStore>> {
        self.0.get_store(url).map_err(|error| match CLOUDS.contains(&url.scheme()) {
            true if cfg!(not(feature = "cloud")) => {
                config_datafusion_err!("{url}: {}", built_without("cloud stores", "cloud"))
            }
            _ => error,
        })
    }
}
