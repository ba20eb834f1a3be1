//! Notices: this device's enrollment statements, revocations, and changes of the user's other devices.

use countersign_jose::key::Thumbprint;
use countersign_protocol::enrollment::{ApprovalKeyType, EnrollmentStatement, VerifiedEnrollment};
use countersign_protocol::jws::Compact;
use countersign_protocol::notice::{DeviceNotice, Notice};
use countersign_protocol::revocation::Revocation;

use super::Core;
use crate::account::AccountStatus;
use crate::device_event::DeviceEvent;

/// The `kid` that a notice claims, unverified.
pub(super) fn kid(notice: &str) -> Option<Thumbprint> {
    match Notice::of(notice) {
        Notice::Statement(compact) => compact.kid().ok(),
        Notice::Revocation(compact) => compact.kid().ok(),
        Notice::Device(compact) => compact.kid().ok(),
        _ => None,
    }
}

impl Core {
    /// Handles one notice. One that does not verify or is of an unknown kind is ignored.
    pub(super) fn notice(&mut self, text: &str) {
        match Notice::of(text) {
            Notice::Statement(compact) => self.statement(compact),
            Notice::Revocation(compact) => self.revocation(&compact),
            Notice::Device(compact) => self.other_device(&compact),
            _ => {}
        }
    }

    /// Handles an enrollment statement: it must continue the chain of statements, and be about this device's own keys.
    fn statement(&mut self, compact: Compact<EnrollmentStatement>) {
        if self.account.statements.contains(&compact) {
            return;
        }
        let mut statements = self.account.statements.clone();
        statements.push(compact);
        let verified = VerifiedEnrollment::verify(&statements, &self.trusted).ok().filter(|chain| {
            let (statement, _) = chain.current();
            statement.device_id == self.account.device_id
                && statement.sub == self.account.subject
                && statement.transport_key == self.account.transport_key
                && statement.approval_key == self.account.approval_key
                && (statement.approval_key_type == ApprovalKeyType::Webauthn) == self.account.has_passkey()
        });
        let Some(verified) = verified else { return self.ignore("an enrollment statement") };
        let (current, _) = verified.current();
        self.account.device_name.clone_from(&current.device_name);
        if let Some(label) = &current.subject_label {
            self.account.subject_label.clone_from(label);
        }
        // Lines of a request that is there already don't change before a person's eyes.
        for open in self.inbox.open.values_mut() {
            open.statement.get_or_insert_with(|| current.clone());
        }
        self.enrollment = Some(verified);
        self.hurry_gateway_lists();
        self.account.statements = statements;
        self.change_account();
        if self.account.status == AccountStatus::Unconfirmed {
            self.account.status = AccountStatus::Active;
            let account = self.account.id.clone();
            self.emit(DeviceEvent::Confirmed { account });
        }
    }

    fn revocation(&mut self, compact: &Compact<Revocation>) {
        match Revocation::verify(compact, &self.trusted, &self.account.device_id, &self.account.subject) {
            Ok(revocation) if revocation.device_id == self.account.device_id => self.revoked(&revocation),
            Ok(Revocation { device_name, by, .. }) => {
                let account = self.account.id.clone();
                self.emit(DeviceEvent::OtherDeviceRevoked { account, device_name, by });
            }
            Err(_) => self.ignore("a revocation"),
        }
    }

    fn other_device(&mut self, compact: &Compact<DeviceNotice>) {
        match DeviceNotice::verify(compact, &self.trusted, &self.account.device_id, &self.account.subject) {
            Ok(notice) => {
                let account = self.account.id.clone();
                self.emit(DeviceEvent::OtherDevice { account, change: notice.event, device_name: notice.device_name });
            }
            Err(_) => self.ignore("a notice about another device"),
        }
    }
}
