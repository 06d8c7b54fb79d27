//! Stores of clouds, by the crate `datafusion-cli`: those of Amazon and its kin, Google's, and
//! servers that speak HTTP.

use std::collections::HashMap;
use std::sync::Arc;

use datafusion::common::config_datafusion_err;
use datafusion::config::{ConfigExtension, ConfigFileType, TableOptions};
use datafusion::datasource::listing::ListingTableUrl;
use datafusion::error::Result;
use datafusion::prelude::SessionContext;
use datafusion_cli::catalog::DynamicObjectStoreCatalog;
use datafusion_cli::cli_context::CliSessionContext;
use datafusion_cli::object_storage::{
    AwsOptions, get_cos_object_store_builder, get_gcs_object_store_builder, get_oss_object_store_builder,
    get_s3_object_store_builder,
};
use futures::StreamExt;
use object_store::ObjectStore;
use object_store::http::HttpBuilder;
use object_store::{ClientOptions, Error};
use url::Url;

/// Makes a session find the stores of the paths in its SQL, with what the environment says of them.
pub(crate) fn register_cloud(session: &SessionContext) {
    let catalogs = Arc::clone(session.state().catalog_list());
    session
        .register_catalog_list(Arc::new(DynamicObjectStoreCatalog::new(catalogs, session.state_weak_ref())));
}

/// Registers the store of a location that a statement names, with the statement's options for it.
///
/// # Errors
/// An option is unknown, or the store cannot be had.
pub(crate) async fn register_store(
    session: &SessionContext,
    location: &str,
    options: &HashMap<String, String>,
    file_type: &str,
) -> Result<()> {
    let location = ListingTableUrl::parse(location)?;
    session.register_table_options_extension_from_scheme(location.scheme());
    let mut table_options = session.state().default_table_options();
    match &*file_type.to_lowercase() {
        "csv" => table_options.set_config_format(ConfigFileType::CSV),
        "json" => table_options.set_config_format(ConfigFileType::JSON),
        "parquet" => table_options.set_config_format(ConfigFileType::PARQUET),
        // Options of another format are that format's own affair.
        _ => {}
    }
    table_options.alter_with_string_hash_map(options)?;
    if let Some(store) = store_of(&location, &table_options).await? {
        session.register_object_store(location.as_ref(), store);
    }
    Ok(())
}

/// The store of a location, unless it is none of a cloud.
async fn store_of(
    location: &ListingTableUrl,
    options: &TableOptions,
) -> Result<Option<Arc<dyn ObjectStore>>> {
    let url: &Url = location.as_ref();
    Ok(Some(match location.scheme() {
        "s3" => s3(location, of_kind(options)?).await?,
        "oss" => Arc::new(get_oss_object_store_builder(url, of_kind(options)?)?.build()?),
        "cos" => Arc::new(get_cos_object_store_builder(url, of_kind(options)?)?.build()?),
        "gs" | "gcs" => Arc::new(get_gcs_object_store_builder(url, of_kind(options)?)?.build()?),
        "http" | "https" => {
            let server = HttpBuilder::new().with_url(url.origin().ascii_serialization());
            Arc::new(server.with_client_options(ClientOptions::new().with_allow_http(true)).build()?)
        }
        _ => return Ok(None),
    }))
}

/// A bucket of Amazon's. One of another region than the settings say answers with an error that
/// does not tell which; so there the region is asked for.
async fn s3(location: &ListingTableUrl, options: &AwsOptions) -> Result<Arc<dyn ObjectStore>> {
    let bucket = get_s3_object_store_builder(location.as_ref(), options, false).await?.build()?;
    match bucket.list(Some(location.prefix())).next().await {
        Some(Err(Error::Generic { .. })) => {
            Ok(Arc::new(get_s3_object_store_builder(location.as_ref(), options, true).await?.build()?))
        }
        _ => Ok(Arc::new(bucket)),
    }
}

fn of_kind<T: ConfigExtension>(options: &TableOptions) -> Result<&T> {
    options.extensions.get().ok_or_else(|| config_datafusion_err!("no options with the prefix {}", T::PREFIX))
}
