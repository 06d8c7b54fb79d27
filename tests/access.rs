//! Who may use a worker: who knows its secret or has a certificate, and nobody else; and what others see.

use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread;
use std::time::Duration;

use http::{HeaderValue, Request};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use tempfile::TempDir;
use tonic::body::Body;
use tonic::client::GrpcService;
use tonic::transport::Channel;

use crate::prompt::{k_corrset, text};
use crate::support::processes::{Process, until};

const SECRET: &str = "a-secret-of-some-length";

/// Two workers: with one alone no query is shared out.
fn two(arguments: &[&str], secret: Option<&str>) -> [Process; 2] {
    std::array::from_fn(|_| Process::start_with(arguments, secret))
}

/// Data of which the names would be seen by who reads a connection.
const EXAM: &str =
    "CREATE VIEW exam AS SELECT u.value AS \"user\", 'visible-question-' || q.value AS question,
    (u.value * q.value * 31 + u.value) % 7 AS score
    FROM generate_series(1, 40) AS u CROSS JOIN generate_series(1, 9) AS q";
const QUERY: &str = "SELECT * FROM k_corrset(exam, 3, top => 3) ORDER BY r DESC, questions";

/// For which workers ask each other for rows.
const GROUPED: &str =
    "SELECT questions[1] AS first, count(*) FROM k_corrset(exam, 3) GROUP BY first ORDER BY first";

/// What a coordinator with these arguments has to say to both.
fn query(arguments: &[&str], secret: Option<&str>) -> Output {
    let mut command =
        k_corrset(&["-q", "--format", "csv", "-j", "2", "-c", EXAM, "-c", QUERY, "-c", GROUPED]);
    command.args(arguments).envs(secret.map(|secret| ("K_CORRSET_SECRET", secret)));
    command.stdin(Stdio::null()).output().unwrap()
}

fn alone() -> String {
    let rows = text(&query(&[], None).stdout);
    assert_eq!(rows.lines().count(), 4 + 8, "{rows}");
    rows
}

/// The rows of a query that has to succeed.
fn rows(output: &Output) -> String {
    assert!(output.status.success(), "{}", text(&output.stderr));
    text(&output.stdout)
}

/// The error of a query that has to fail.
fn error(output: &Output) -> String {
    assert!(!output.status.success() && output.stdout.is_empty(), "{}", text(&output.stdout));
    text(&output.stderr)
}

#[test]
fn who_knows_the_secret_is_let_in() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("secret");
    fs::write(&file, format!("{SECRET}\n")).unwrap();
    let file = file.to_str().unwrap();
    let workers = [Process::start_with(&["--secret", file], None), Process::start_with(&[], Some(SECRET))];
    let to = ["--workers", &workers[0].url, &workers[1].url];
    assert_eq!(rows(&query(&to, Some(SECRET))), alone());
    assert_eq!(rows(&query(&[&["--secret", file][..], &to].concat(), None)), alone());

    let none = error(&query(&to, None));
    assert!(
        none.contains("refused the query: the call had no secret; give coordinator and workers the same"),
        "{none}"
    );
    let named = workers.iter().any(|worker| none.contains(&format!("the worker at {}", worker.url)));
    assert!(named, "{none}");
    let other = error(&query(&to, Some("another-secret-of-some-length")));
    assert!(other.contains("refused the query: the call had another secret than this worker's"), "{other}");
    let log = workers[0].log(3);
    assert!(log.contains("this worker asks for a secret; connections are not encrypted"), "{log}");
    assert!(log.contains("WARN k_corrset: refused a call of 127.0.0.1:"), "{log}");
    assert!(!log.contains(SECRET) && !log.contains("another-secret"), "{log}");
    let short = error(&query(&to, Some("short")));
    assert!(short.contains("K_CORRSET_SECRET: k_corrset: the secret of a cluster has 16 or more"), "{short}");
}

/// What a server answers to a call of a path, as gRPC's status.
async fn status(worker: &Process, path: &str, secret: Option<&str>) -> HeaderValue {
    let mut channel = Channel::from_shared(worker.url.clone()).unwrap().connect().await.unwrap();
    std::future::poll_fn(|context| GrpcService::<Body>::poll_ready(&mut channel, context)).await.unwrap();
    let mut request =
        Request::post(format!("{}{path}", worker.url)).header("content-type", "application/grpc");
    if let Some(secret) = secret {
        request = request.header("authorization", format!("Bearer {secret}"));
    }
    let response = channel.call(request.body(Body::empty()).unwrap()).await.unwrap();
    response.headers().get("grpc-status").cloned().unwrap_or_else(|| HeaderValue::from_static("none"))
}

#[tokio::test]
async fn who_does_not_know_the_secret_gets_nothing_but_a_refusal() {
    let worker = Process::start_with(&[], Some(SECRET));
    let calls = ["CoordinatorChannel", "ExecuteTask", "GetWorkerInfo", "AnythingElse"];
    let paths = calls.map(|call| format!("/worker.WorkerService/{call}"));
    for path in paths.iter().map(String::as_str).chain(["/", "/grpc.reflection.v1.ServerReflection/Info"]) {
        for secret in [None, Some(""), Some("a-secret-of-some"), Some("a-secret-of-some-length-and-more")] {
            // 16 is UNAUTHENTICATED.
            assert_eq!(status(&worker, path, secret).await, "16", "{path} {secret:?}");
        }
        assert_ne!(status(&worker, path, Some(SECRET)).await, "16", "{path}");
    }
}

/// The error of a worker that has to refuse to serve.
fn refused_to_serve(address: &str, arguments: &[&str]) -> String {
    error(&k_corrset(&["--serve", address]).args(arguments).stdin(Stdio::null()).output().unwrap())
}

#[test]
fn a_worker_that_strangers_reach_does_not_start() {
    let served = |arguments: &[&str]| refused_to_serve("192.0.2.1:0", arguments);
    let refused = served(&[]);
    assert!(
        refused.contains("--serve 192.0.2.1:0: whoever reaches this address could run queries here"),
        "{refused}"
    );
    for advice in ["openssl rand -hex 32 > secret", "--secret secret", "--tls-ca", "--open"] {
        assert!(refused.contains(advice), "{refused}");
    }
    // No machine has this address: that is what is said to who follows the advice.
    let folder = TempDir::new().unwrap();
    let secret = folder.path().join("secret");
    fs::write(&secret, SECRET).unwrap();
    for arguments in [&["--open"][..], &["--secret", secret.to_str().unwrap()]] {
        let tried = served(arguments);
        assert!(tried.starts_with("k-corrset: 192.0.2.1:0: ") && !tried.contains("whoever"), "{tried}");
    }
    fs::write(&secret, "").unwrap();
    let empty = served(&["--secret", secret.to_str().unwrap()]);
    assert!(empty.contains("secret: k_corrset: the secret of a cluster has 16 or more"), "{empty}");
}

/// A certificate for this machine that another one has signed, and its key, in files.
struct Signed {
    certificate: PathBuf,
    key: PathBuf,
}

/// Who signs certificates.
struct Authority {
    issuer: Issuer<'static, KeyPair>,
    certificate: PathBuf,
    folder: PathBuf,
}

impl Authority {
    fn new(folder: &Path, name: &str) -> Self {
        let mut parameters = CertificateParams::new(Vec::new()).unwrap();
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let certificate = folder.join(format!("{name}.pem"));
        fs::write(&certificate, parameters.self_signed(&key).unwrap().pem()).unwrap();
        Self { issuer: Issuer::new(parameters, key), certificate, folder: folder.to_path_buf() }
    }

    fn sign(&self, name: &str) -> Signed {
        let key = KeyPair::generate().unwrap();
        let parameters = CertificateParams::new(vec!["127.0.0.1".to_string()]).unwrap();
        let certificate = parameters.signed_by(&key, &self.issuer).unwrap();
        let files = ["pem", "key"].map(|ending| self.folder.join(format!("{name}.{ending}")));
        // A chain, by which workers believe each other.
        fs::write(&files[0], certificate.pem() + &fs::read_to_string(&self.certificate).unwrap()).unwrap();
        fs::write(&files[1], key.serialize_pem()).unwrap();
        let [certificate, key] = files;
        Signed { certificate, key }
    }

    fn arguments(&self) -> Vec<&str> {
        vec!["--tls-ca", self.certificate.to_str().unwrap()]
    }
}

impl Signed {
    fn arguments(&self) -> Vec<&str> {
        vec!["--tls-cert", self.certificate.to_str().unwrap(), "--tls-key", self.key.to_str().unwrap()]
    }
}

#[test]
fn certificates_are_asked_for_on_both_sides() {
    let folder = TempDir::new().unwrap();
    let ours = Authority::new(folder.path(), "ours");
    let others = Authority::new(folder.path(), "others");
    let (of_worker, of_coordinator) = (ours.sign("worker"), ours.sign("coordinator"));
    let of_stranger = others.sign("stranger");
    let workers = two(&[ours.arguments(), of_worker.arguments()].concat(), None);
    let urls = workers.each_ref().map(|worker| worker.url.as_str());
    assert!(urls[0].starts_with("https://127.0.0.1:"));
    assert!(workers[0].log(1).contains("this worker asks for a certificate; connections are encrypted"));
    let to = vec!["--workers", urls[0], urls[1]];
    let with = |arguments: &[Vec<&str>]| query(&[arguments.concat(), to.clone()].concat(), None);

    assert_eq!(rows(&with(&[ours.arguments(), of_coordinator.arguments()])), alone());
    let is_lost = |text: &str| urls.iter().any(|url| text.contains(&format!("lost the worker at {url}")));
    for stranger in [with(&[ours.arguments()]), with(&[ours.arguments(), of_stranger.arguments()])] {
        let refused = error(&stranger);
        assert!(is_lost(&refused), "{refused}");
    }
    // Who believes others does not believe these workers.
    let refused = error(&with(&[others.arguments(), of_coordinator.arguments()]));
    assert!(is_lost(&refused) && refused.contains("certificate"), "{refused}");
    let unknown = error(&with(&[of_coordinator.arguments()]));
    assert!(unknown.contains("name the certificate of who signed those of workers"), "{unknown}");
    let in_the_clear = urls.map(|url| url.replace("https", "http"));
    let refused = error(&query(&["--workers", &in_the_clear[0], &in_the_clear[1]], None));
    assert!(refused.contains("lost the worker at http://"), "{refused}");
}

/// Passes on what goes to and from a worker, and keeps it.
fn tapped(worker: &Process, heard: &Arc<Mutex<Vec<u8>>>) -> String {
    let (scheme, address) = worker.url.split_once("://").unwrap();
    let address = address.to_string();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("{scheme}://{}", listener.local_addr().unwrap());
    let to = Arc::clone(heard);
    thread::spawn(move || {
        for coordinator in listener.incoming().map_while(Result::ok) {
            let worker = TcpStream::connect(&address).unwrap();
            for (mut from, mut into) in [
                (coordinator.try_clone().unwrap(), worker.try_clone().unwrap()),
                (worker.try_clone().unwrap(), coordinator.try_clone().unwrap()),
            ] {
                let to = Arc::clone(&to);
                thread::spawn(move || {
                    let mut bytes = [0; 4096];
                    while let Ok(count @ 1..) = from.read(&mut bytes) {
                        to.lock().unwrap().extend(&bytes[..count]);
                        if into.write_all(&bytes[..count]).is_err() {
                            break;
                        }
                    }
                    let _ = into.shutdown(Shutdown::Both);
                });
            }
        }
    });
    url
}

#[test]
fn nobody_reads_an_encrypted_connection() {
    let folder = TempDir::new().unwrap();
    let ours = Authority::new(folder.path(), "ours");
    let of_worker = ours.sign("worker");
    let open = Process::start_with(&[], Some(SECRET));
    let encrypted = Process::start_with(&of_worker.arguments(), Some(SECRET));
    let told = ["visible-question", "\"exam\"", SECRET];
    for (worker, arguments, seen) in [(&open, vec![], true), (&encrypted, ours.arguments(), false)] {
        let heard = Arc::default();
        // One process is two workers, by two addresses: of one alone no query is shared out.
        let urls = [tapped(worker, &heard), tapped(worker, &heard)];
        let to = vec!["--workers", urls[0].as_str(), urls[1].as_str()];
        assert_eq!(rows(&query(&[arguments, to].concat(), Some(SECRET))), alone());
        let heard: MutexGuard<'_, Vec<u8>> = heard.lock().unwrap();
        assert!(heard.len() > 1_000);
        let is_seen = |word: &&str| heard.windows(word.len()).any(|bytes| bytes == word.as_bytes());
        // Headers are compressed, so the secret may be unseen even in the clear.
        assert_eq!(told[..2].iter().all(is_seen), seen);
        assert!(seen || !told.iter().any(is_seen));
    }
}

#[test]
fn a_certificate_without_its_key_is_refused() {
    let folder = TempDir::new().unwrap();
    let ours = Authority::new(folder.path(), "ours");
    let served = |arguments: &[&str]| refused_to_serve("127.0.0.1:0", arguments);
    let certificate = ours.sign("worker").certificate;
    let certificate = certificate.to_str().unwrap();
    assert!(served(&["--tls-cert", certificate]).contains("--tls-key"));
    assert!(served(&ours.arguments()).contains("give it one of its own by --tls-cert and --tls-key"));
    let no_key = served(&["--tls-cert", certificate, "--tls-key", certificate]);
    assert!(no_key.contains("--tls-cert: "), "{no_key}");
    let missing = served(&["--tls-cert", certificate, "--tls-key", "/nowhere/key.pem"]);
    assert!(missing.contains("/nowhere/key.pem: No such file"), "{missing}");
}

/// Who stops in the midst of agreeing on how to encrypt is hung up on.
#[test]
fn half_a_handshake_is_not_waited_for() {
    let folder = TempDir::new().unwrap();
    let authority = Authority::new(folder.path(), "authority");
    let worker = Process::start_with(&authority.sign("worker").arguments(), Some(SECRET));
    let before = worker.descriptors();
    let mut connection = TcpStream::connect(worker.url.split_once("://").unwrap().1).unwrap();
    // A handshake of 512 bytes is announced, and its first four come.
    connection.write_all(&[22, 3, 1, 2, 0, 1, 0, 1, 252]).unwrap();
    connection.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    assert!(!matches!(connection.read(&mut [0; 64]), Err(error) if error.kind() == ErrorKind::WouldBlock));
    until("it stays open", || worker.descriptors() <= before);
}
