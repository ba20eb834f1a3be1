//! What a device changes about itself: its push address and its name.

use countersign_protocol::id::DeviceId;
use countersign_protocol::problem::ProblemCode;
use countersign_protocol::push::{DevicePatch, DeviceResponse};
use countersign_protocol::{limits, text};
use countersign_store::Transaction;

use crate::Gateway;
use crate::answer::not_found;
use crate::rejection::{Rejection, reject};
use crate::store::{devices, push_addresses};

impl Gateway {
    /// Applies a merge patch (RFC 7396) to the device. A new push address is called by the gateway: ten an hour. A new name makes a new enrollment statement, which is kept for good: three an
    /// hour, and as many as evidence has room for ([`limits::STATEMENTS_OF_A_DEVICE`]).
    pub(crate) async fn change_device(
        &self,
        device: &DeviceId,
        patch: DevicePatch,
    ) -> Result<DeviceResponse, Rejection> {
        let invalid = |words: &str| reject(ProblemCode::InvalidRequest, words);
        let name = match patch.device_name {
            None => None,
            Some(None) => return Err(invalid("A device's name can't be removed.")),
            Some(Some(name)) => {
                text::check(&name, limits::NAME_CHARACTERS).map_err(|_| invalid("device_name can't be displayed."))?;
                Some(name)
            }
        };
        let address = match patch.push_address {
            None => None,
            Some(None) => Some(None),
            Some(Some(address)) => Some(Some(self.check_push_address(address)?)),
        };
        let (gateway, id) = (self.clone(), device.clone());
        self.store()
            .write(move |tx| -> Result<DeviceResponse, Rejection> {
                match &address {
                    None => {}
                    Some(None) => push_addresses::remove(tx, &id)?,
                    Some(Some(checked)) if gateway.is_push_address(tx, &id, checked)? => {}
                    Some(Some(checked)) => {
                        gateway
                            .new_addresses()
                            .admit(&id, gateway.now())
                            .map_err(too_often("Ten new push addresses an hour."))?;
                        gateway.keep_push_address(tx, &id, checked)?;
                    }
                }
                let mut device = devices::by_id(tx, &id)?.ok_or_else(not_found)?;
                if let Some(name) = name.as_ref().filter(|name| **name != device.name) {
                    gateway.admit_new_name(tx, &id)?;
                    if gateway.rename_device_in(tx, &id, name)? {
                        device.name.clone_from(name);
                    }
                }
                if address.is_some() {
                    // Its streams tell it of the address's new state.
                    tx.notify_after_commit(id.as_str());
                }
                Ok(DeviceResponse { push: gateway.push_status(tx, &id)?, device_name: device.name })
            })
            .await
    }

    fn admit_new_name(&self, tx: &Transaction<'_>, device: &DeviceId) -> Result<(), Rejection> {
        let latest = devices::latest_statement(tx, device)?.map(|latest| latest.peek());
        let stated = latest.and_then(Result::ok).map_or(u64::MAX, |claims| claims.sequence);
        if stated >= limits::STATEMENTS_OF_A_DEVICE {
            let words = "This device was renamed so often that it keeps its name. Enroll it again to give it another.";
            return Err(reject(ProblemCode::InvalidRequest, words));
        }
        self.renames().admit(device, self.now()).map_err(too_often("Three new names an hour."))
    }
}

fn too_often(words: &'static str) -> impl Fn(u64) -> Rejection {
    move |seconds| Rejection { retry_after: Some(seconds), ..reject(ProblemCode::RateLimited, words) }
}
