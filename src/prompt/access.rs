//! Who may use a worker, and which workers a coordinator believes.

use std::path::PathBuf;

#[cfg(feature = "distributed")]
use {
    crate::udtf::{ClusterSecret, NamedWorkers},
    std::net::SocketAddr,
    std::path::Path,
    std::time::Duration,
    std::{env, fs},
    tonic::transport::{Certificate, ClientTlsConfig, Identity, ServerTlsConfig},
    url::Url,
};

use crate::prompt::builds::of_cluster;

/// What keeps strangers out of a cluster; the same options for workers and coordinator.
#[derive(clap::Args, Debug, Clone, Default)]
pub(crate) struct Access {
    /// File of a secret that all machines of the cluster share; or the secret itself in the
    /// environment variable K_CORRSET_SECRET
    #[arg(long, value_name = "FILE", value_parser = of_cluster::<PathBuf>)]
    secret: Option<PathBuf>,

    /// Certificate, or chain of them, that this machine shows; encrypts what a worker is told
    #[arg(long, value_name = "FILE", requires = "tls_key", value_parser = of_cluster::<PathBuf>)]
    tls_cert: Option<PathBuf>,

    /// Private key of the certificate
    #[arg(long, value_name = "FILE", requires = "tls_cert", value_parser = of_cluster::<PathBuf>)]
    tls_key: Option<PathBuf>,

    /// Certificate of who has to have signed those of the others: a worker lets nobody in without
    /// one, a coordinator believes no other workers
    #[arg(long, value_name = "FILE", value_parser = of_cluster::<PathBuf>)]
    tls_ca: Option<PathBuf>,

    /// Be a worker for whoever reaches the address, which may then read what this user may
    #[arg(long, requires = "serve")]
    open: bool,
}

/// Has the secret, where no file is named.
#[cfg(feature = "distributed")]
const VARIABLE: &str = "K_CORRSET_SECRET";

/// How long somebody may take to agree with a worker on how to encrypt.
#[cfg(feature = "distributed")]
const HANDSHAKE: Duration = Duration::from_secs(10);

#[cfg(feature = "distributed")]
impl Access {
    /// The secret of the cluster, if it has one.
    ///
    /// # Errors
    /// The file cannot be read, or has no secret.
    pub(crate) fn secret(&self) -> Result<Option<ClusterSecret>, String> {
        let (text, place) = match (&self.secret, env::var(VARIABLE)) {
            (Some(path), _) => (read(path)?, path.display().to_string()),
            (None, Ok(text)) => (text, VARIABLE.to_string()),
            (None, Err(env::VarError::NotPresent)) => return Ok(None),
            (None, Err(error)) => return Err(format!("{VARIABLE}: {error}")),
        };
        ClusterSecret::new(&text).map(Some).map_err(|error| format!("{place}: {error}"))
    }

    /// How a worker encrypts, if it does.
    ///
    /// # Errors
    /// A file cannot be read, or there is no certificate for others to be compared with.
    pub(crate) fn of_worker(&self) -> Result<Option<ServerTlsConfig>, String> {
        let Some(identity) = self.identity()? else {
            return match &self.tls_ca {
                Some(path) => Err(format!(
                    "--tls-ca {}: a worker asks for certificates over encrypted connections only; give it one of \
                     its own by --tls-cert and --tls-key",
                    path.display()
                )),
                None => Ok(None),
            };
        };
        let tls = ServerTlsConfig::new().identity(identity).timeout(HANDSHAKE);
        Ok(Some(match self.authority()? {
            Some(authority) => tls.client_ca_root(authority),
            None => tls,
        }))
    }

    /// What a worker at an address asks of whoever uses it, in words.
    ///
    /// # Errors
    /// Others reach the address, and nothing keeps them out.
    pub(crate) fn asked(&self, secret: Option<&ClusterSecret>, address: SocketAddr) -> Result<&str, String> {
        match (secret, &self.tls_ca) {
            (Some(_), Some(_)) => return Ok("asks for a secret and a certificate"),
            (Some(_), None) => return Ok("asks for a secret"),
            (None, Some(_)) => return Ok("asks for a certificate"),
            (None, None) => {}
        }
        if self.open || address.ip().is_loopback() {
            return Ok("is open to whoever reaches it");
        }
        Err(format!(
            "--serve {address}: whoever reaches this address could run queries here, which read all files that this \
             user may read. Make a secret (openssl rand -hex 32 > secret) and give it to workers and coordinator by \
             --secret secret; or name who signs the certificates of coordinators by --tls-ca; or say --open"
        ))
    }

    /// A coordinator's connections to these workers.
    ///
    /// # Errors
    /// A file cannot be read, or no certificate is known that workers would be believed by.
    pub(crate) fn to(&self, workers: &[Url]) -> Result<NamedWorkers, String> {
        let secret = self.secret()?;
        if !workers.iter().any(|url| url.scheme() == "https") {
            return self.connections(secret, None);
        }
        let authority = self.authority()?.ok_or(
            "--workers: name the certificate of who signed those of workers at https addresses by --tls-ca FILE",
        )?;
        self.connections(secret, Some(authority))
    }

    /// A worker's connections to other workers, whose rows it may need. Where nobody is named who signed
    /// their certificates, theirs have to be signed by who signed its own.
    ///
    /// # Errors
    /// A file cannot be read.
    pub(crate) fn to_others(&self, secret: Option<ClusterSecret>) -> Result<NamedWorkers, String> {
        let own = || self.tls_cert.as_ref().map(|path| read(path).map(Certificate::from_pem)).transpose();
        let authority = self.authority()?.map_or_else(own, |authority| Ok(Some(authority)))?;
        self.connections(secret, authority.filter(|_| self.tls_cert.is_some()))
    }

    /// Connections to workers, encrypted if it is known whom to believe.
    fn connections(
        &self,
        secret: Option<ClusterSecret>,
        authority: Option<Certificate>,
    ) -> Result<NamedWorkers, String> {
        let mut connections = NamedWorkers::default();
        if let Some(secret) = secret {
            connections = connections.with_secret(secret);
        }
        let Some(authority) = authority else { return Ok(connections) };
        let mut tls = ClientTlsConfig::new().ca_certificate(authority);
        if let Some(identity) = self.identity()? {
            tls = tls.identity(identity);
        }
        Ok(connections.with_tls(tls))
    }

    /// The certificate of who has to have signed those of the others.
    fn authority(&self) -> Result<Option<Certificate>, String> {
        self.tls_ca.as_ref().map(|path| read(path).map(Certificate::from_pem)).transpose()
    }

    /// The certificate that this machine shows, with its key.
    fn identity(&self) -> Result<Option<Identity>, String> {
        let (Some(certificate), Some(key)) = (&self.tls_cert, &self.tls_key) else { return Ok(None) };
        Ok(Some(Identity::from_pem(read(certificate)?, read(key)?)))
    }
}

#[cfg(feature = "distributed")]
fn read(path: &Path) -> Result<String, String> {
    fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))
}
