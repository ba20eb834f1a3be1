//! `op status`: health of each part, and what to do where one fails. The command itself checks the configuration and whether the
//! issuer can be reached.

use std::time::Duration;

use countersign_jose::clock::Timestamp;
use countersign_store::Error as StoreError;
use countersign_tls::CertificateFault;

use super::counted;
use crate::issuance::key_rotation::KeyState;
use crate::issuance::token_keys::EC;
use crate::server::home;
use crate::server::tls::refused_for;
use crate::server::{Parts, Provider};
use crate::store::outbox;

/// Remaining validity of a certificate, in seconds, below which status asks for a renewal.
const RENEW_WITHIN: u64 = 14 * 86_400;

/// Window in which ended approvals are counted, in seconds.
const RECENT_SECONDS: u64 = 86_400;

/// Failed attempts after which a delivery is reported as a problem.
const FAILING_AFTER: u32 = 3;

/// Health of one part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatusLine {
    /// Stable name of the part, such as `store`.
    pub name: &'static str,
    /// Its state in words.
    pub detail: String,
    /// What to do about a problem; `None` if there is none.
    pub next: Option<String>,
}

impl StatusLine {
    /// A part that works.
    pub fn ok(name: &'static str, detail: impl Into<String>) -> StatusLine {
        StatusLine { name, detail: detail.into(), next: None }
    }

    /// A part that needs the operator; `next` says what to do.
    pub fn problem(name: &'static str, detail: impl Into<String>, next: impl Into<String>) -> StatusLine {
        StatusLine { name, detail: detail.into(), next: Some(next.into()) }
    }
}

impl Provider {
    /// The id of the process that serves this home, if one does.
    pub fn served_by(&self) -> Option<String> {
        home::holder(&self.parts().home)
    }

    /// Health of each part; runs beside the process that serves.
    ///
    /// # Errors
    /// The store's error, if it can't be read.
    pub async fn status(&self) -> Result<Vec<StatusLine>, StoreError> {
        let parts = self.parts();
        let mut lines = vec![parts.process_line(), parts.store_line().await];
        lines.extend(parts.restore_line()?);
        lines.extend([
            parts.certificate_line(),
            self.keys_line(),
            parts.users_line()?,
            parts.push_line()?,
            self.clients_line(),
            parts.approvals_line()?,
            parts.delivery_line()?,
        ]);
        Ok(lines)
    }

    fn keys_line(&self) -> StatusLine {
        let keys = match self.keys() {
            Ok(keys) => keys,
            Err(error) => {
                return StatusLine::problem("keys", error.to_string(), "restore keys/ and the database together");
            }
        };
        let next = keys.iter().find(|key| key.name == EC && key.state == KeyState::Next);
        let kid = keys.iter().find(|key| key.name == EC && key.state == KeyState::Signs).map(|key| key.kid.as_str());
        let rotating = if next.is_some() { "; the next one is published" } else { "" };
        StatusLine::ok("keys", format!("tokens are signed by {}{rotating}", kid.unwrap_or("no key yet")))
    }

    fn clients_line(&self) -> StatusLine {
        let clients = match self.clients() {
            Ok(clients) => clients,
            Err(error) => return StatusLine::problem("clients", error.to_string(), "see the store line above"),
        };
        let registered = clients.iter().filter(|client| client.registered).count();
        match clients.len() {
            0 => StatusLine::problem("clients", "no client is configured", "add one: countersign op client add"),
            all => {
                StatusLine::ok("clients", format!("{}; registered by themselves: {registered}", counted(all, "client")))
            }
        }
    }
}

impl Parts {
    fn process_line(&self) -> StatusLine {
        match home::holder(&self.home) {
            Some(pid) => StatusLine::ok("process", format!("process {pid} serves this home")),
            None => StatusLine::problem("process", "no process serves this home", "start it: countersign op serve"),
        }
    }

    async fn store_line(&self) -> StatusLine {
        let path = home::database(&self.home);
        let size = std::fs::metadata(&path).map_or(0, |file| file.len());
        let megabytes = size.div_ceil(1 << 20);
        match tokio::time::timeout(Duration::from_secs(5), self.gateway.store().try_write()).await {
            Ok(Ok(())) => StatusLine::ok("store", format!("accepts writes; {megabytes} MiB")),
            Ok(Err(error)) => {
                let next = "free space on the disk, or find what else holds provider.db";
                StatusLine::problem("store", error.to_string(), next)
            }
            Err(_) => StatusLine::problem("store", "does not respond", "find what else holds provider.db"),
        }
    }

    /// Whether a copy of the database was restored, and what that ended.
    fn restore_line(&self) -> Result<Option<StatusLine>, StoreError> {
        let restored = self.gateway.store().read_blocking(crate::store::last_restore)?;
        Ok(restored.map(|at| {
            let moment = jiff::Timestamp::from_second(i64::try_from(at.seconds()).unwrap_or(i64::MAX)).unwrap_or_default();
            StatusLine::ok("restore", format!("a copy of the database was restored at {moment}: everything pending or unredeemed then, and all tokens, ended"))
        }))
    }

    fn certificate_line(&self) -> StatusLine {
        const NAME: &str = "certificate";
        let Some(files) = &self.config.tls else {
            let what = match self.config.issuer.is_plain_http() {
                true => "none: plain http on this machine alone",
                false => "none of its own: a proxy speaks TLS for it",
            };
            return StatusLine::ok(NAME, what);
        };
        let until = match files.not_after() {
            Ok(until) => until,
            Err(error) => return StatusLine::problem(NAME, error.to_string(), "put a certificate and its key there"),
        };
        // Whether a name is missing is for the issuer's address to say: a proxy in front may have it.
        let refused = refused_for(&self.config, self.ports.clock.now());
        let refused = refused.iter().find(|(fault, _)| *fault != CertificateFault::WrongName);
        if let Some((what, next)) = refused.and_then(|(_, sentence)| sentence.rsplit_once("; ")) {
            return StatusLine::problem(NAME, what, next);
        }
        let days = until.seconds().saturating_sub(self.ports.clock.now().seconds()) / 86_400;
        match until.seconds().saturating_sub(RENEW_WITHIN) > self.ports.clock.now().seconds() {
            true => StatusLine::ok(NAME, format!("valid for {}", counted(days, "day"))),
            false => {
                let next = "renew it; new files are read within seconds, without a restart";
                StatusLine::problem(NAME, format!("ends in {}", counted(days, "day")), next)
            }
        }
    }

    fn users_line(&self) -> Result<StatusLine, StoreError> {
        let gateway = &self.gateway;
        let enrolled = gateway.store().read_blocking(|snapshot| gateway.count_enrolled(snapshot))?;
        let known = self.config.users.with_code().1
            + self.gateway.store().read_blocking(crate::store::directory_entries::users_with_code)?.1;
        let detail =
            format!("{}; with a device: {}; devices: {}", counted(known, "user"), enrolled.people, enrolled.devices);
        Ok(match (known, enrolled.people) {
            (0, _) => StatusLine::problem("people", "no user is configured", "add one: countersign op user add"),
            (_, 0) => StatusLine::problem("people", detail, "create a link for one: countersign op link USER"),
            _ => StatusLine::ok("people", detail),
        })
    }

    /// Pushes to devices. One that fails is its device's to mend: nothing here is to be done.
    fn push_line(&self) -> Result<StatusLine, StoreError> {
        const NAME: &str = "push";
        let gateway = &self.gateway;
        let Some(counts) = gateway.store().read_blocking(|snapshot| gateway.count_push(snapshot))? else {
            return Ok(StatusLine::ok(NAME, "off: devices get requests while they run ([push] enabled)"));
        };
        let addresses = counted(counts.addresses, "device");
        let failing = match counts.failing {
            0 => String::new(),
            failing => format!("; the last push failed, or the address no longer works: {failing}"),
        };
        let detail = format!("{addresses} with a push address; proven by a call: {}{failing}", counts.proven);
        Ok(StatusLine::ok(NAME, detail))
    }

    fn approvals_line(&self) -> Result<StatusLine, StoreError> {
        let (gateway, now) = (&self.gateway, self.ports.clock.now());
        let since = Timestamp::from_seconds(now.seconds().saturating_sub(RECENT_SECONDS));
        let (pending, ended) = gateway.store().read_blocking(|snapshot| {
            Ok((gateway.pending_approvals(snapshot)?, gateway.count_ended(snapshot, since)?))
        })?;
        let recent: Vec<String> = ended.iter().map(|(outcome, count)| format!("{count} {outcome}")).collect();
        let recent = if recent.is_empty() { "none".to_owned() } else { recent.join(", ") };
        let detail = format!("{} pending, {} of them held; ended in 24 hours: {recent}", pending.pending, pending.held);
        Ok(StatusLine::ok("approvals", detail))
    }

    fn delivery_line(&self) -> Result<StatusLine, StoreError> {
        const NAME: &str = "telling";
        let now = self.ports.clock.now();
        let store = self.gateway.store();
        let queued = store.read_blocking(|snapshot| outbox::queued(snapshot, now))?;
        let tried = store.read_blocking(outbox::most_attempts)?;
        let waiting: i64 = queued.iter().map(|(_, count)| count).sum();
        let webhook = if self.config.webhook.is_some() { "your webhook gets events" } else { "no webhook" };
        let detail = format!("notifications and events to deliver: {waiting}; {webhook}");
        Ok(match tried {
            Some((recipient, attempts)) if attempts >= FAILING_AFTER => {
                let next = format!(
                    "see why {recipient} does not answer: the log has a line \"delivery failed\" for each failed attempt"
                );
                StatusLine::problem(NAME, format!("{detail}; {recipient} was tried {attempts} times"), next)
            }
            _ => StatusLine::ok(NAME, detail),
        })
    }
}
