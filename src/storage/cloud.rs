//! Object stores of zones that lie at a URL: `s3://`, `gs://`, `az://`.
//!
//! Credentials come from the environment (`AWS_…`, `GOOGLE_…`, `AZURE_…`) or from the zone's `store` table
//! in `lake.toml`. They are handed to the store and kept nowhere else: no error and no text of a value
//! here shows them.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use object_store::ObjectStore;
use url::Url;

use crate::error::{Code, Error, Result};

/// How a store is reached, by the names that the environment has for it, in any case and without the
/// provider's prefix (`region`, `endpoint`, `access_key_id`, …). Not shown.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct StoreOptions(pub BTreeMap<String, String>);

impl fmt::Debug for StoreOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

/// Whether a store of this kind can be reached.
pub fn is_store_url(path: &str) -> bool {
    path.contains("://")
}

/// The store that `url` lies in.
///
/// # Errors
/// [`Code::Unsupported`] for a store of another kind, [`Code::InvalidValue`] for an option that it does
/// not have.
#[cfg(feature = "cloud")]
pub fn open_store(url: &Url, options: &StoreOptions) -> Result<Arc<dyn ObjectStore>> {
    use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey};
    use object_store::azure::{AzureConfigKey, MicrosoftAzureBuilder};
    use object_store::gcp::{GoogleCloudStorageBuilder, GoogleConfigKey};

    let bucket = url.host_str().unwrap_or_default();
    let store: Result<Arc<dyn ObjectStore>, object_store::Error> = match url.scheme() {
        "s3" => {
            let mut builder = AmazonS3Builder::from_env().with_bucket_name(bucket);
            for (key, value) in &options.0 {
                let key: AmazonS3ConfigKey = parsed(key, "aws_")?;
                builder = builder.with_config(key, value);
            }
            builder.build().map(|store| Arc::new(store) as _)
        }
        "gs" => {
            let mut builder = GoogleCloudStorageBuilder::from_env().with_bucket_name(bucket);
            for (key, value) in &options.0 {
                let key: GoogleConfigKey = parsed(key, "google_")?;
                builder = builder.with_config(key, value);
            }
            builder.build().map(|store| Arc::new(store) as _)
        }
        "az" => {
            let mut builder = MicrosoftAzureBuilder::from_env().with_container_name(bucket);
            for (key, value) in &options.0 {
                let key: AzureConfigKey = parsed(key, "azure_storage_")?;
                builder = builder.with_config(key, value);
            }
            builder.build().map(|store| Arc::new(store) as _)
        }
        other => {
            return Err(Error::new(
                Code::Unsupported,
                format!("there are no stores of kind '{other}'"),
            )
            .with_hint("a zone's path is a folder, or a URL that begins with s3://, gs:// or az://"));
        }
    };
    store.map_err(|error| {
        Error::new(
            Code::InvalidDefinition,
            format!("the store '{}://{bucket}' {}", url.scheme(), refused(&error)),
        )
        .with_hint("set its variables in the environment (AWS_…, GOOGLE_…, AZURE_…), or [zones.….store]")
    })
}

/// What is wrong with what a store was given. The builder's own words, whose types are private, may show it, so
/// that only their beginnings are read.
#[cfg(feature = "cloud")]
fn refused(error: &object_store::Error) -> &'static str {
    const MALFORMED: [(&str, &str); 8] = [
        (
            "Invalid Access Key",
            "has a malformed access key: it is no base64",
        ),
        ("Failed parsing an SAS key", "has a malformed SAS token"),
        ("Missing component in SAS", "has a malformed SAS token"),
        (
            "Unable to decode service account file",
            "has a malformed service account: it is not the JSON that Google gives out",
        ),
        ("No RSA key found", "has a service account without a private key"),
        (
            "Invalid RSA key",
            "has a service account with a malformed private key",
        ),
        (
            "Error reading pem file",
            "has a service account with a malformed private key",
        ),
        (
            "Unable to open service account file",
            "has a service account whose file cannot be opened",
        ),
    ];
    let said = error.to_string();
    let found = MALFORMED.iter().find(|(beginning, _)| said.contains(beginning));
    found.map_or("is not configured", |(_, problem)| problem)
}

/// The store that `url` lies in: none, in a program built without them.
///
/// # Errors
/// [`Code::Unsupported`].
#[cfg(not(feature = "cloud"))]
pub fn open_store(url: &Url, _: &StoreOptions) -> Result<Arc<dyn ObjectStore>> {
    Err(Error::new(
        Code::Unsupported,
        format!("'{}' lies in an object store", url.as_str()),
    )
    .with_hint("this program was built without the feature 'cloud'"))
}

#[cfg(feature = "cloud")]
fn parsed<K: std::str::FromStr>(key: &str, prefix: &str) -> Result<K> {
    let lower = key.to_lowercase();
    lower.parse().or_else(|_| format!("{prefix}{lower}").parse()).map_err(|_| {
        Error::new(Code::InvalidDefinition, format!("a store has no option '{key}'"))
            .with_hint("the options are those of the environment without their prefix: region, endpoint, access_key_id, …")
    })
}
