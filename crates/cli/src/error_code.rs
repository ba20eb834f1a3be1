//! The error codes of the command itself. Codes of the device, the gateway and the provider come from their error types.

/// Why a command ended early, as `--json` prints it in the member `error`. Stable: scripts compare it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorCode {
    /// An endpoint in the provider's metadata is neither https nor http on a loopback address.
    BadEndpoint,
    /// The PIN from a file or a variable is not a valid PIN.
    BadPin,
    /// A rule of `watch` is not a JSON object.
    BadRule,
    /// `--trust` is neither ISSUER=THUMBPRINT nor a trust file.
    BadTrust,
    /// The provider's configuration has mistakes.
    Configuration,
    /// A client of the demo did not start, or failed.
    DemoClient,
    /// The unattended demo got no tokens.
    DemoDenied,
    /// The demo's own enrollment link can't be read.
    DemoLink,
    /// The demo's provider does not run.
    DemoProvider,
    /// The unattended demo took longer than a minute.
    DemoSlow,
    /// A file of the demo's state can't be used.
    DemoState,
    /// The demo's pages can't be served.
    DemoTill,
    /// The file with authorization details can't be read.
    DetailsFile,
    /// The evidence file can't be read.
    EvidenceFile,
    /// A file to be made is there already.
    FileExists,
    /// The HTTP client can't be made: the system's certificates can't be loaded.
    HttpUnavailable,
    /// The entry is in the configuration file, which commands do not change.
    InFile,
    /// Nothing is signed about the request yet.
    Incomplete,
    /// The file with a client's keys can't be read.
    JwksFile,
    /// An address can't be listened on.
    Listen,
    /// The device has no account yet.
    NoAccounts,
    /// The provider's metadata names no CIBA endpoint.
    NoCiba,
    /// The system names no data directory, and no home was given.
    NoHome,
    /// A certificate was asked for IP addresses alone.
    NoHostName,
    /// Standard input holds no enrollment link.
    NoLink,
    /// A PIN is needed, and there is neither an option nor a terminal.
    NoPin,
    /// The agent of the demo needs python3.
    NoPython,
    /// A client needs its secret, and none was given.
    NoSecret,
    /// There is no terminal to ask for confirmation.
    NobodyToAsk,
    /// The folder is not a demo's state; nothing was removed.
    NotADemo,
    /// A reply is none of a CIBA provider.
    NotAProvider,
    /// No confirmation code was typed.
    NotConfirmed,
    /// The person declined to enroll, or the account can't be used.
    NotEnrolled,
    /// A demo listens on a loopback address only.
    NotLoopback,
    /// The person declined to take an account off this device.
    NotUnenrolled,
    /// Evidence does not verify: a signature, or what it signs.
    NotVerified,
    /// A file can't be written.
    NotWritten,
    /// The provider's metadata names another issuer.
    OtherIssuer,
    /// Standard output is closed.
    OutputClosed,
    /// Standard output can't be written: its disk is full.
    OutputFailed,
    /// The PIN file can't be read.
    PinFile,
    /// The provider's database or keys can't be used.
    Provider,
    /// The push service did not accept a test push.
    PushNotAccepted,
    /// The request ended before this answer.
    RequestEnded,
    /// The file with the client's secret can't be read.
    SecretFile,
    /// The server stopped with an error.
    Serve,
    /// `--set` is not NAME=VALUE.
    Set,
    /// A reference names several approvals.
    SeveralMatches,
    /// The command was stopped before it had a result.
    Stopped,
    /// No such client, user, device, hint or approval.
    Unknown,
    /// This device has no such request.
    UnknownRequest,
    /// No provider has served from this home.
    UnusedHome,
    /// The provider can't be reached.
    Unreachable,
    /// Options that exclude each other.
    Usage,
}

impl ErrorCode {
    /// The code in snake_case.
    pub const fn code(self) -> &'static str {
        match self {
            ErrorCode::BadEndpoint => "bad_endpoint",
            ErrorCode::BadPin => "bad_pin",
            ErrorCode::BadRule => "bad_rule",
            ErrorCode::BadTrust => "bad_trust",
            ErrorCode::Configuration => "configuration",
            ErrorCode::DemoClient => "demo_client",
            ErrorCode::DemoDenied => "demo_denied",
            ErrorCode::DemoLink => "demo_link",
            ErrorCode::DemoProvider => "demo_provider",
            ErrorCode::DemoSlow => "demo_slow",
            ErrorCode::DemoState => "demo_state",
            ErrorCode::DemoTill => "demo_till",
            ErrorCode::DetailsFile => "details_file",
            ErrorCode::EvidenceFile => "evidence_file",
            ErrorCode::FileExists => "file_exists",
            ErrorCode::HttpUnavailable => "http_unavailable",
            ErrorCode::InFile => "in_file",
            ErrorCode::Incomplete => "evidence_incomplete",
            ErrorCode::JwksFile => "jwks_file",
            ErrorCode::Listen => "listen",
            ErrorCode::NoAccounts => "no_accounts",
            ErrorCode::NoCiba => "no_ciba",
            ErrorCode::NoHome => "no_home",
            ErrorCode::NoHostName => "no_host_name",
            ErrorCode::NoLink => "no_link",
            ErrorCode::NoPin => "no_pin",
            ErrorCode::NoPython => "no_python",
            ErrorCode::NoSecret => "no_secret",
            ErrorCode::NobodyToAsk => "nobody_to_ask",
            ErrorCode::NotADemo => "not_a_demo",
            ErrorCode::NotAProvider => "not_a_provider",
            ErrorCode::NotConfirmed => "not_confirmed",
            ErrorCode::NotEnrolled => "not_enrolled",
            ErrorCode::NotLoopback => "not_loopback",
            ErrorCode::NotUnenrolled => "not_unenrolled",
            ErrorCode::NotVerified => "not_verified",
            ErrorCode::NotWritten => "not_written",
            ErrorCode::OtherIssuer => "other_issuer",
            ErrorCode::OutputClosed => "output_closed",
            ErrorCode::OutputFailed => "output_failed",
            ErrorCode::PinFile => "pin_file",
            ErrorCode::Provider => "provider",
            ErrorCode::PushNotAccepted => "push_not_accepted",
            ErrorCode::RequestEnded => "request_ended",
            ErrorCode::SecretFile => "secret_file",
            ErrorCode::Serve => "serve",
            ErrorCode::Set => "set",
            ErrorCode::SeveralMatches => "several_matches",
            ErrorCode::Stopped => "stopped",
            ErrorCode::Unknown => "unknown",
            ErrorCode::UnknownRequest => "unknown_request",
            ErrorCode::Unreachable => "unreachable",
            ErrorCode::UnusedHome => "unused_home",
            ErrorCode::Usage => "usage",
        }
    }
}

impl From<ErrorCode> for &'static str {
    fn from(code: ErrorCode) -> &'static str {
        code.code()
    }
}
