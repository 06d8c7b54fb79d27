//! A secret that the machines of a cluster share: who does not know it is no part of the cluster.
//!
//! A worker runs whatever plan it is given, with the rights of its user. So each call carries the
//! secret, in its header `authorization`, and a worker looks at that before it reads anything else.
//! The header is as open to others as the connection is: beyond a machine, encrypt it.

use std::fmt;

use constant_time_eq::constant_time_eq;
use datafusion_distributed::grpc::BoxCloneSyncChannel;
use http::header::AUTHORIZATION;
use http::{HeaderValue, Request};
use tonic::Status;
use tonic::body::Body;
use tonic::service::{Interceptor, InterceptorLayer};
use tower::ServiceExt;

use crate::error::KCorrsetError;

/// A secret that the machines of a cluster share.
#[derive(Clone)]
pub struct ClusterSecret(HeaderValue);

/// Characters of a secret, at least: fewer can be tried out.
const SHORTEST: usize = 16;

impl ClusterSecret {
    /// A secret of at least 16 visible ASCII characters. White space around it, such as the end of a
    /// file's line, is no part of it.
    ///
    /// # Errors
    /// [`KCorrsetError::ClusterSecret`].
    pub fn new(text: &str) -> Result<Self, KCorrsetError> {
        let text = text.trim();
        let refused = |got: String| KCorrsetError::ClusterSecret { got };
        if let Some(place) = text.bytes().position(|byte| !byte.is_ascii_graphic()) {
            return Err(refused(format!("another one as number {}", place + 1)));
        }
        if text.len() < SHORTEST {
            return Err(refused(format!("{} of them", text.len())));
        }
        let header = HeaderValue::try_from(format!("Bearer {text}"));
        header.map(Self).map_err(|error| refused(error.to_string()))
    }

    /// What a worker's server is wrapped in, as in `Server::builder().layer(secret.layer())`: it refuses
    /// calls without the secret, whatever they ask for, and logs who made them.
    pub fn layer(&self) -> InterceptorLayer<Guard> {
        InterceptorLayer::new(Guard(self.clone()))
    }

    /// A connection whose calls carry the secret.
    pub(super) fn told(&self, channel: BoxCloneSyncChannel) -> BoxCloneSyncChannel {
        let header = self.0.clone();
        BoxCloneSyncChannel::new(channel.map_request(move |mut request: Request<Body>| {
            request.headers_mut().insert(AUTHORIZATION, header.clone());
            request
        }))
    }
}

impl fmt::Debug for ClusterSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClusterSecret").finish_non_exhaustive()
    }
}

/// What the coordinator's user is told to do.
const REMEDY: &str = "; give coordinator and workers the same secret";

/// Refuses calls without the secret.
#[derive(Debug, Clone)]
pub struct Guard(ClusterSecret);

impl Interceptor for Guard {
    fn call(&mut self, request: tonic::Request<()>) -> Result<tonic::Request<()>, Status> {
        let Self(ClusterSecret(secret)) = self;
        let given = request.metadata().get(AUTHORIZATION.as_str());
        // In a time that does not tell how much of it was right.
        if given.is_some_and(|given| constant_time_eq(given.as_encoded_bytes(), secret.as_bytes())) {
            return Ok(request);
        }
        let what = if given.is_some() { "another secret than this worker's" } else { "no secret" };
        log::warn!("k_corrset: refused a call of {}, which had {what}", caller(&request));
        Err(Status::unauthenticated(format!("the call had {what}{REMEDY}")))
    }
}

/// Who makes a call, as logs say it.
pub(crate) fn caller(request: &tonic::Request<()>) -> String {
    request.remote_addr().map_or_else(|| "somebody".to_string(), |address| address.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_cannot_be_tried_out() {
        let error = |text| ClusterSecret::new(text).unwrap_err().to_string();
        assert!(error("fifteen-letters").contains("got 15 of them"));
        assert!(error("  ").contains("got 0 of them"));
        assert!(error("sixteen letters are these").contains("got another one as number 8"));
        assert!(error("sixteen-letters-ä").contains("got another one as number 17"));
        let secret = ClusterSecret::new(" sixteen-letters!\r\n").unwrap();
        assert_eq!(secret.0, "Bearer sixteen-letters!");
        assert!(!format!("{secret:?}").contains("sixteen"), "nothing writes it into a log");
    }

    #[test]
    fn a_guard_lets_in_who_knows_the_secret() {
        let mut guard = Guard(ClusterSecret::new("sixteen-letters!").unwrap());
        let mut with = |header: Option<&'static str>| {
            let mut request = tonic::Request::new(());
            if let Some(header) = header {
                request.metadata_mut().insert("authorization", header.parse().unwrap());
            }
            guard.call(request).map(|_| ()).map_err(|status| (status.code(), status.message().to_string()))
        };
        assert_eq!(with(Some("Bearer sixteen-letters!")), Ok(()));
        let unauthenticated =
            |what: &str| Err((tonic::Code::Unauthenticated, format!("the call had {what}{REMEDY}")));
        assert_eq!(with(None), unauthenticated("no secret"));
        let other = "another secret than this worker's";
        for header in ["sixteen-letters!", "Bearer ", "Bearer sixteen-letters?", "Bearer sixteen-letters!!"] {
            assert_eq!(with(Some(header)), unauthenticated(other), "{header}");
        }
    }
}
